import { PublishFailure } from '../../../sync-agent/publish/publish-failure.ts';

/** How it failed. @throws where it did not, or in another way */
export async function failureOf(promise: Promise<unknown>): Promise<PublishFailure> {
  const error: unknown = await promise.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );
  if (!(error instanceof PublishFailure)) throw new Error(`expected a failure, got ${String(error)}`);
  return error;
}
