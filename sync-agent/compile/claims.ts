import type { RouteMatch } from '../../contract/route-match.ts';
import type { Problem } from './compilation.ts';
import type { Rule } from './engine.ts';
import { compareSeniority, type Facts, type KeyClaim, type NameClaim } from './facts.ts';
import { placeEntry } from './place.ts';

/**
 * Routes that claim one model name under exactly the same match. All of them ship, because the worker's precedence
 * gives the request to the same winner (contract/route-match.ts); the others are told.
 */
export function nameClaimRule(facts: Facts): Rule<NameClaim> {
  return (_, claims, step) => {
    const [winner, ...losers] = claims.toSorted(compareSeniority);
    if (!winner) return;
    for (const { id, match, modelName } of losers)
      step.emit(facts.problems, `GatewayRoute/${id}`, {
        type: 'Accepted',
        reason: 'Conflicted',
        message:
          `Requests for the model ${modelName} ${describeMatch(match)} go to GatewayRoute ${winner.id}, which is older: ` +
          'give this route another host, path or header, or take the model out of it.',
      });
  };
}

/** Consumers that have one and the same key: the oldest keeps it, and of its own keys the first. */
export function keyClaimRule(facts: Facts): Rule<KeyClaim> {
  return (_, claims, step) => {
    const [winner, ...losers] = claims.toSorted(compareSeniority);
    if (!winner) return;
    for (const loser of losers) step.emit(facts.problems, `Consumer/${loser.id}`, duplicateKey(loser, winner));
    const { digest, entry, created, id } = winner;
    placeEntry(step, facts, 'consumers', { id: digest, entry, created, resources: [`Consumer/${id}`] });
  };
}

function duplicateKey(loser: KeyClaim, winner: KeyClaim): Problem {
  const owner = winner.id === loser.id ? 'of this consumer' : `of Consumer ${winner.id}, which is older`;
  return {
    type: 'Accepted',
    reason: 'Conflicted',
    message: `The key ${loser.entry.key} is also the key ${winner.entry.key} ${owner}, and stays with that: make another key.`,
  };
}

function describeMatch({ hostname, pathPrefix, headers }: RouteMatch): string {
  const host = hostname === '*' ? 'for every host' : `for the host ${hostname}`;
  const path = pathPrefix === '/' ? '' : ` under ${pathPrefix}`;
  return `${host}${path}${headers.length > 0 ? ' with the same headers' : ''}`;
}
