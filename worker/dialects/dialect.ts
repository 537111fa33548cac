import type { DIALECTS, Operation } from '../../contract/routing-table.ts';
import type { Failure } from '../errors.ts';

export type DialectName = (typeof DIALECTS)[number];

/**
 * A wire format, from both ends. Where caller and provider speak the same one, text and bytes go through as they came
 * and the dialect only reads along; docs/adr/0006-dialects.md says how translation joins in.
 */
export interface Dialect {
  readonly client: ClientSide;
  readonly upstream: UpstreamSide;
}

/** How a caller is understood and answered. */
export interface ClientSide {
  /** @throws {Failure} with a sentence for the caller */
  parseRequest(operation: Operation, text: string): ModelRequest;
  /** The body of an error response, as JSON. */
  renderError(failure: Failure): string;
  /** An error as a whole event, for a stream that has begun. Its client raises it. */
  renderStreamError(failure: Failure): string;
}

/** How a provider is asked and understood. */
export interface UpstreamSide {
  /** Below the provider's base URL; undefined where the dialect does not know the operation. */
  path(operation: Operation): string | undefined;
  /** Where a credential goes unless the provider names a header. */
  credentialHeader(value: string): readonly [name: string, value: string];
  renderRequest(request: ModelRequest, choice: UpstreamChoice): string;
  /** What a whole answer says of itself. @throws {MalformedAnswer} where it is none */
  readAnswer(text: string): AnswerFacts;
  readStream(operation: Operation, choice: StreamChoice): StreamReader;
  /** What a provider says of an error, as far as it says it in the dialect's way. */
  readError(text: string): UpstreamError;
}

export interface ModelRequest {
  readonly operation: Operation;
  /** The body as the caller wrote it. */
  readonly text: string;
  readonly model: string;
  readonly stream: boolean;
  /** Whether the caller wants to be told of the usage within the stream. */
  readonly wantsUsage: boolean;
  /** How many choices the answer must have to be whole. */
  readonly choices: number;
  /** What should keep meeting one backend, so that its prompt cache helps; empty: nothing does. */
  conversation(): string;
}

export interface UpstreamChoice {
  /** The model's name at the provider. */
  readonly model: string;
  /** Ask for the usage in a stream, whether or not the caller did. */
  readonly reportUsage: boolean;
}

export interface StreamChoice {
  /** The caller did not ask for the usage: the event that brings nothing else is kept from it. */
  readonly dropUsage: boolean;
  /** How many choices were asked for: a provider may send one after the other, and break off in between. */
  readonly choices: number;
}

/** In tokens. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  /** Part of `input`. */
  readonly cachedInput: number;
  /** Part of `output`. */
  readonly reasoning: number;
}

export interface AnswerFacts {
  readonly usage: Usage | undefined;
  /** The model that answered, as the provider names it. */
  readonly model: string | undefined;
}

export interface UpstreamError {
  readonly message: string | undefined;
  readonly code: string | undefined;
}

/** What is known of a stream from the events read so far. It reads along; the bytes go by it. */
export interface StreamReader {
  /** Takes one event. `Drop`: it is not for the caller. @throws {MalformedAnswer} */
  read(data: string, event: string | undefined): 'Pass' | 'Drop';
  /** Something of the answer itself was seen: text, reasoning, a refusal or a tool call. */
  readonly hasContent: boolean;
  /** The provider said that nothing follows. */
  readonly hasEnded: boolean;
  /** The answer is whole, even if the stream stops here. */
  readonly isWhole: boolean;
  /** The provider raised an error within the stream. */
  readonly error: UpstreamError | undefined;
  readonly facts: AnswerFacts;
  /** Tokens of the answer seen so far, by estimate. */
  readonly estimatedOutput: number;
}

/** What answers with a success and then does not keep to its dialect. The message names no content. */
export class MalformedAnswer extends Error {
  override name = 'MalformedAnswer';
}
