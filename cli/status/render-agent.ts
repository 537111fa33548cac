import { styleText } from 'node:util';
import { age } from '../age.ts';
import type { AgentLease } from './agent-lease.ts';

/** One line: whether an agent leads, and since when. @param now milliseconds since the epoch */
export function renderAgent(lease: AgentLease, now: number): string {
  return `${styleText('bold', 'agent')}  ${sentenceOf(lease, now)}`;
}

function sentenceOf(lease: AgentLease, now: number): string {
  const ago = (time: string | null): string => (time === null ? 'some time' : age(now - Date.parse(time)));
  switch (lease.type) {
    case 'Led':
      return `${lease.holder} leads, since ${ago(lease.since)}`;
    case 'NotLed': {
      const last = lease.holder === '' ? 'it was given back' : `${lease.holder} was the last`;
      return `${styleText('red', 'none leads')}: ${last}. No agent has written any status for ${ago(lease.renewedAt)}`;
    }
    case 'Absent':
      return `${styleText('red', 'none leads')}: namespace ${lease.namespace} has no Lease of one. Where it runs in another, name that with --agent-namespace`;
    case 'Unknown':
      return `${lease.reason}: whether one leads is not known here`;
  }
}
