import { createHash, KeyObject, sign, verify, type webcrypto } from 'node:crypto';
import { vi } from 'vitest';
import { currentLife } from './life.ts';
import type { Timer, VirtualClock } from './virtual-clock.ts';

/**
 * Puts the clock in the place of the runtime's timers, and cryptography that answers at once in the place of the one
 * that answers from a pool of threads in any order. A timer belongs to the life that set it.
 *
 * @returns how to take it back
 */
export function installVirtualGlobals(clock: VirtualClock): () => void {
  const timers = new WeakSet<object>();
  const setTimer = (callback: (...values: unknown[]) => void, ms = 0, ...values: unknown[]): Timer => {
    const life = currentLife();
    const timer = clock.after(ms, () => {
      if (!life?.ended) callback(...values);
    });
    timers.add(timer);
    return timer;
  };
  vi.stubGlobal('setTimeout', setTimer);
  vi.stubGlobal('clearTimeout', (timer: Timer | undefined) => timer?.cancel());
  vi.stubGlobal('setInterval', () => {
    throw new Error('no interval is expected here: the clock of this run does not know them');
  });
  const signalAfter = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const abort = new AbortController();
    setTimer(() => abort.abort(new DOMException('The operation timed out.', 'TimeoutError')), ms);
    return abort.signal;
  });
  const subtle = vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (algorithm, data) => {
    const name = typeof algorithm === 'string' ? algorithm : algorithm.name;
    return arrayBuffer(createHash(name.replace('-', '')).update(bytesOf(data)).digest());
  });
  const signing = vi
    .spyOn(crypto.subtle, 'sign')
    .mockImplementation(async (_, key, data) => arrayBuffer(sign(null, bytesOf(data), keyObject(key))));
  const verifying = vi
    .spyOn(crypto.subtle, 'verify')
    .mockImplementation(async (_, key, signature, data) =>
      verify(null, bytesOf(data), keyObject(key), bytesOf(signature)),
    );
  return () => {
    vi.unstubAllGlobals();
    for (const spy of [signalAfter, subtle, signing, verifying]) spy.mockRestore();
  };
}

const keyObjects = new WeakMap<object, KeyObject>();

/** @throws {TypeError} for another algorithm than Ed25519: only that is answered for here */
function keyObject(key: CryptoKey): KeyObject {
  if (key.algorithm.name !== 'Ed25519') throw new TypeError(`${key.algorithm.name} is not expected here`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same object, which workers and Node declare differently
  const known = keyObjects.get(key) ?? KeyObject.from(key as unknown as webcrypto.CryptoKey);
  keyObjects.set(key, known);
  return known;
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function arrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
