import { styleText } from 'node:util';
import type { Problem } from '../../sync-agent/source/source.ts';
import { statusOf } from '../../worker/errors.ts';
import type { Plan } from '../../worker/pipeline/plan-request.ts';
import type { Fault } from '../faults.ts';
import { renderProblem } from '../render-problem.ts';

/** What `fairlead explain` has found. */
export interface Explanation {
  /** `namespace/name` of the EdgeGateway. */
  readonly edge: string;
  readonly request: {
    readonly model: string;
    readonly operation: string;
    readonly host: string;
    readonly path: string;
    /** What it shows, in words. */
    readonly credential: string;
  };
  readonly plan: Plan;
  /** Of a refusal, for whoever has the resources; absent where its message says all. */
  readonly why: string | undefined;
  /** What keeps resources out of the table. */
  readonly faults: readonly Fault[];
  readonly problems: readonly Problem[];
  /** What was added or not read, and what that means: each a sentence. */
  readonly notes: readonly string[];
}

type Serve = Extract<Plan, { type: 'Serve' }>;
type Refuse = Extract<Plan, { type: 'Refuse' }>;

export function renderExplanation(explanation: Explanation): string {
  const { edge, request, plan, why, faults, problems, notes } = explanation;
  const passedOver = plan.passedOver();
  return [
    ...notes.map((sentence) => styleText('dim', `note: ${sentence}`)),
    ...problems.map((problem) => renderProblem(problem)),
    `${request.operation} with the model ${styleText('bold', request.model)} at ${request.host}${request.path}, ` +
      `showing ${request.credential}, on the edge ${edge}`,
    '',
    ...(plan.type === 'Serve' ? renderServed(plan) : renderRefused(plan, why)),
    ...(passedOver.length === 0 ? [] : ['', styleText('bold', 'passed over')]),
    ...passedOver.map(({ type, name, why }) => `  ${type.toLowerCase()} ${name}: ${why}`),
    ...(faults.length === 0 ? [] : ['', styleText('bold', 'not in the table')]),
    ...faults.map(({ resource, condition }) => `  ${resource}: ${condition.reason}: ${condition.message}`),
  ].join('\n');
}

function renderServed(plan: Serve): string[] {
  const { route, model } = plan;
  const row = (name: string, value: string): string => `${styleText('green', name.padEnd(10))} ${value}`;
  return [
    row('route', `${plan.routeId}  ${styleText('dim', describeMatch(plan))}`),
    row('model', `${plan.modelId}  ${styleText('dim', `named ${[model.modelName, ...model.aliases].join(', ')}`)}`),
    row('backends', plan.candidates.length === 1 ? 'one' : `${plan.candidates.length}, tried in this order`),
    ...plan.candidates.map(({ backend, providerId, provider }, index) => {
      const where =
        provider.binding === undefined ? provider.baseURL : `${provider.baseURL} through ${provider.binding}`;
      const tier = `priority ${backend.priority}, weight ${backend.weight}`;
      return `  ${index + 1}. ${backend.name}: ${providerId} at ${where}, as ${backend.model}  ${styleText('dim', tier)}`;
    }),
    row('treatment', describeAuthentication(route)),
    `           when the client hangs up: ${route.onClientAbort === 'Abort' ? 'the upstream call ends too' : 'the answer is read to its end'}`,
    `           ${describeTimeouts(plan)}`,
  ];
}

function renderRefused({ code, message }: Refuse, why: string | undefined): string[] {
  const refusal = `${styleText('red', 'refused')}    ${statusOf(code)} ${code}: ${message}`;
  return why === undefined ? [refusal] : [refusal, `${styleText('bold', 'because')}    ${why}`];
}

function describeMatch({ route }: Serve): string {
  const hosts = route.hostnames.length === 0 ? 'every host' : route.hostnames.join(', ');
  const headers = route.headers.map(({ name, value }) => `${name}: ${value}`);
  return [
    'for',
    hosts,
    `under ${route.pathPrefix}`,
    ...(headers.length === 0 ? [] : [`with ${headers.join(', ')}`]),
  ].join(' ');
}

function describeAuthentication({ authentication, consumers }: Serve['route']): string {
  switch (authentication) {
    case 'Anonymous':
      return 'no key is asked for';
    case 'Key':
      return `a key of a consumer of ${consumers === '*' ? 'any namespace' : consumers.join(', ')} is asked for`;
  }
}

function describeTimeouts(plan: Serve): string {
  const [first] = plan.candidates;
  if (first === undefined) return 'no backend has a share of the traffic';
  const { firstByte, firstEvent, idle, total } = plan.timeouts(first);
  return `timeouts: first byte ${seconds(firstByte)}, first event ${seconds(firstEvent)}, idle ${seconds(idle)}, total ${seconds(total)}`;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}

/** The same for programs. */
export function explanationAsJson({ edge, request, plan, why, faults, problems, notes }: Explanation): object {
  const common = { edge, request, passedOver: plan.passedOver(), faults, problems, notes };
  switch (plan.type) {
    case 'Refuse':
      return {
        outcome: 'refused',
        status: statusOf(plan.code),
        code: plan.code,
        message: plan.message,
        why,
        ...common,
      };
    case 'Serve':
      return {
        outcome: 'served',
        route: { id: plan.routeId, ...plan.route },
        model: { id: plan.modelId, modelName: plan.model.modelName, aliases: plan.model.aliases },
        backends: plan.candidates.map((candidate) => ({
          ...candidate.backend,
          baseURL: candidate.provider.baseURL,
          binding: candidate.provider.binding,
          timeouts: plan.timeouts(candidate),
        })),
        ...common,
      };
  }
}
