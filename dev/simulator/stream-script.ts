import type { Behaviour } from './failures.ts';
import type { StreamEvent } from './render-chat.ts';

/** The bytes of a stream in the order of sending, and how it ends: all of a failure but its timing. */
export type StreamScript = { steps: Step[]; end: 'Finish' | 'Cut' };

/** A token costs time before the next step is sent. */
type Step = { text: string; isToken: boolean };

export type StreamBehaviour = Exclude<Behaviour, { type: 'Respond' | 'Hang' }>;

const done: Step = { text: 'data: [DONE]\n\n', isToken: false };

export function scriptOfStream(events: StreamEvent[], behaviour: StreamBehaviour, errorBody: object): StreamScript {
  const steps = events.map(stepOf);
  const half = Math.floor(steps.length / 2);
  const firstHalf = steps.slice(0, half);
  switch (behaviour.type) {
    case 'Answer':
      return { steps: [...steps, done], end: 'Finish' };
    case 'Cut':
      return { steps: stepsBeforeCut(events, steps, behaviour.at), end: 'Cut' };
    case 'ErrorEvent':
      return { steps: [...firstHalf, dataStep(JSON.stringify(errorBody))], end: 'Finish' };
    case 'NoDone': {
      const finish = events.findIndex((event) => event.stage === 'Finish');
      return { steps: steps.slice(0, finish), end: 'Finish' };
    }
    case 'Malformed': {
      const broken = dataStep('{"choices":[{"delta":');
      return { steps: [...firstHalf, broken, ...steps.slice(half), done], end: 'Finish' };
    }
  }
}

function stepsBeforeCut(events: StreamEvent[], steps: Step[], at: (StreamBehaviour & { type: 'Cut' })['at']): Step[] {
  if (at === 'RoleChunk') {
    const roles = steps.filter((_, index) => events[index]?.stage === 'Role');
    return roles.length > 0 ? roles : [{ text: ': no content yet\n\n', isToken: false }];
  }
  const half = Math.floor(steps.length / 2);
  const torn = steps[half]?.text ?? '';
  return [...steps.slice(0, half), { text: torn.slice(0, torn.length / 2), isToken: false }];
}

function stepOf(event: StreamEvent): Step {
  return { ...dataStep(JSON.stringify(event.payload)), isToken: event.stage === 'Token' };
}

function dataStep(data: string): Step {
  return { text: `data: ${data}\n\n`, isToken: false };
}
