import { describe, expect, test } from 'vitest';
import { allowanceOf, namespaceRule } from '../../../sync-agent/compile/allowance.ts';
import { compile, createCompiler } from '../../../sync-agent/compile/compile.ts';
import { Engine } from '../../../sync-agent/compile/engine.ts';
import { declareFacts } from '../../../sync-agent/compile/facts.ts';
import type { Resource } from '../../../sync-agent/snapshot.ts';
import { clusterNamespace } from '../../support/service-builders.ts';
import { EDGE, consumer, edgeGateway, edgeKeys, model, provider, route } from '../../support/resource-builders.ts';

type Allowed = NonNullable<Parameters<typeof edgeGateway>[0]>['allowed'];

const everybody = { name: 'all', namespaces: { type: 'All' as const } };
const namespaceOf = (...names: string[]) => ({ name: names.join('-'), namespaces: { type: 'Names' as const, names } });

/** Two namespaces, and a record of who is judged again after a change of what the edge allows. */
function judged(before: Allowed, after: Allowed): string[] {
  const engine = new Engine();
  const facts = declareFacts();
  engine.rule(facts.namespaces, namespaceRule(facts));
  const ran: string[] = [];
  for (const facet of ['admission', 'claimRights', 'reachRights'] as const)
    engine.rule<unknown>(facts[facet], (namespace) => ran.push(`${facet} ${namespace}`));
  const allow = (allowed: Allowed): void => {
    const gateway = edgeGateway({ allowed });
    if (gateway.kind === 'EdgeGateway') engine.set(facts.allowance, '', allowanceOf(EDGE, gateway));
    engine.sweep();
  };
  for (const namespace of ['team-a', 'team-b']) engine.set(facts.namespaces, namespace, true);
  allow(before);
  ran.length = 0;
  allow(after);
  return ran.toSorted();
}

describe('a change of what the edge allows', () => {
  test('that says the same in other words concerns nobody', () => {
    expect(judged([everybody], [namespaceOf('team-a', 'team-b')])).toEqual([]);
    expect(judged([everybody], [{ ...everybody, hostnames: ['*'] }])).toEqual([]);
  });

  test('concerns only those who ask for what changed: consumers ask only whether their namespace may attach', () => {
    expect(judged([everybody], [{ ...everybody, hostnames: ['a.example.com'] }])).toEqual([
      'claimRights team-a',
      'claimRights team-b',
    ]);
    expect(judged([everybody], [{ ...everybody, plainText: true }])).toEqual([
      'reachRights team-a',
      'reachRights team-b',
    ]);
  });

  test('concerns only the namespaces that it names', () => {
    expect(judged([everybody], [everybody, { ...namespaceOf('team-b'), anonymous: true }])).toEqual([
      'claimRights team-b',
      'reachRights team-b',
    ]);
    expect(judged([everybody], [namespaceOf('team-a')])).toEqual([
      'admission team-b',
      'claimRights team-b',
      'reachRights team-b',
    ]);
  });

  test('and what depends on it follows, there and back', () => {
    const compiler = createCompiler(EDGE);
    const countsAfter = (...resources: ReturnType<typeof route>[]) => {
      compiler.apply(resources.map((resource) => ({ type: 'Set' as const, resource })));
      return compiler.compile().counts;
    };
    const all = { routes: 1, models: 1, providers: 1, consumers: 1 };
    expect(countsAfter(edgeGateway(), edgeKeys(), route(), model(), provider(), consumer())).toEqual(all);
    expect(countsAfter(edgeGateway({ allowed: [{ ...everybody, modelNames: ['other'] }] }))).toEqual({
      routes: 0,
      models: 0,
      providers: 0,
      consumers: 1,
    });
    expect(countsAfter(edgeGateway({ allowed: [namespaceOf('elsewhere')] })).consumers).toBe(0);
    expect(countsAfter(edgeGateway())).toEqual(all);
  });
});

describe('namespaces by their labels', () => {
  const selecting = (matchLabels: Record<string, string>) =>
    edgeGateway({ allowed: [{ name: 'labelled', namespaces: { type: 'Selector', selector: { matchLabels } } }] });
  const routes = (...resources: Resource[]) =>
    compile([edgeKeys(), route(), model(), provider(), ...resources], EDGE).counts.routes;

  test('are those that have all of them', () => {
    const gateway = selecting({ llm: 'yes', tier: 'gold' });
    expect(routes(gateway)).toBe(0);
    expect(routes(gateway, clusterNamespace('team', { llm: 'yes' }))).toBe(0);
    expect(routes(gateway, clusterNamespace('team', { llm: 'yes', tier: 'gold', more: '' }))).toBe(1);
    expect(routes(gateway, clusterNamespace('other', { llm: 'yes', tier: 'gold' }))).toBe(0);
  });

  test('have their name as a label, also in a folder, which has no namespaces', () => {
    expect(routes(selecting({ 'kubernetes.io/metadata.name': 'team' }))).toBe(1);
    expect(routes(selecting({ 'kubernetes.io/metadata.name': 'other' }))).toBe(0);
  });

  test('a label that comes or goes concerns the namespace at once', () => {
    const compiler = createCompiler(EDGE);
    const set = (...resources: Resource[]) => {
      compiler.apply(resources.map((resource) => ({ type: 'Set', resource })));
      return compiler.compile().counts.routes;
    };
    expect(set(selecting({ llm: 'yes' }), edgeKeys(), route(), model(), provider(), clusterNamespace('team'))).toBe(0);
    expect(set(clusterNamespace('team', { llm: 'yes' }))).toBe(1);
    expect(set(clusterNamespace('team'))).toBe(0);
  });
});
