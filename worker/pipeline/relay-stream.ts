import { Failure } from '../errors.ts';
import type { GatheringWriter } from '../streaming/gathering-writer.ts';
import type { CallControl } from '../upstream/call-control.ts';
import type { OpenStream } from './open-stream.ts';

/** How a stream ended, from the commit point on. */
export type StreamEnd =
  | { readonly type: 'Whole' }
  | { readonly type: 'ClientLeft' }
  /** `isTold`: the upstream's own error event went to the caller. */
  | { readonly type: 'Broken'; readonly failure: Failure; readonly isTold: boolean };

/** After its last event an upstream has this long to close the stream, in milliseconds. */
const GRACE_MS = 2_000;

export interface RelayOptions {
  readonly control: CallControl;
  readonly idleMs: number;
  readonly providerId: string;
}

/**
 * Carries a stream from the commit point to its end: one entry into JavaScript for each chunk that comes, in which it
 * is read and passed on. A caller that has gone is still read for where the route says Drain.
 */
export async function relayStream(
  open: OpenStream,
  writer: GatheringWriter,
  options: RelayOptions,
): Promise<StreamEnd> {
  const { control, providerId } = options;
  const { source, sieve, reader } = open;
  try {
    let bytes = open.held;
    let isAtEnd = open.isAtEnd;
    for (;;) {
      if (bytes) await send(bytes, writer, control);
      if (sieve.fault || reader.error) return await broken(open, providerId);
      if (isAtEnd) break;
      control.watchdog.expect('idle', reader.hasEnded ? GRACE_MS : options.idleMs);
      const { done, value } = await source.read();
      isAtEnd = done;
      bytes = done ? sieve.finish() : sieve.push(value);
    }
  } catch {
    // Whatever broke off the reading, what counts is how much had come.
  }
  return endOf(open, options);
}

async function send(bytes: Uint8Array, writer: GatheringWriter, control: CallControl): Promise<void> {
  if (control.clientGone) return;
  control.watchdog.pause();
  try {
    await writer.write(bytes);
    control.watchdog.sent();
  } catch {
    control.clientLeft();
  }
}

function endOf({ reader }: OpenStream, { control, providerId }: RelayOptions): StreamEnd {
  if (control.clientGone) return { type: 'ClientLeft' };
  if (reader.isWhole) return { type: 'Whole' };
  return { type: 'Broken', isTold: false, failure: control.reasonToStop(providerId) ?? cut(providerId) };
}

async function broken({ source, sieve, reader }: OpenStream, providerId: string): Promise<StreamEnd> {
  await source.cancel().catch(() => undefined);
  if (reader.error) {
    const detail = `error event${reader.error.code === undefined ? '' : `, code ${reader.error.code}`}`;
    const failure = new Failure('upstream_failed', `The provider ${providerId} failed in the middle of its answer.`, {
      detail,
    });
    return { type: 'Broken', isTold: true, failure };
  }
  return { type: 'Broken', isTold: false, failure: cut(providerId, sieve.fault?.message) };
}

function cut(providerId: string, detail?: string): Failure {
  return new Failure(
    'upstream_interrupted',
    `The provider ${providerId} broke off in the middle of its answer, which is incomplete. Try again.`,
    detail === undefined ? {} : { detail },
  );
}
