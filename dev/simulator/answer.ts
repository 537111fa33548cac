import type { ChatMessage, ChatRequest, ChatTool } from './request-schemas.ts';
import { sampleOfSchema } from './schema-sample.ts';
import { splitIntoTokens } from './tokens.ts';

export type FinishReason = 'stop' | 'length' | 'tool_calls';

export type ToolCall = { id: string; name: string; arguments: string };

/** What one choice says, before it is rendered as a body or a stream. */
export type Answer = { tokens: string[]; toolCalls: ToolCall[]; finishReason: FinishReason };

/** What cuts an answer short: the request's own limits, or a model name that fixes the length. */
export type AnswerLimits = {
  maxTokens?: number | undefined;
  stop?: string | string[] | null | undefined;
  exactTokens?: number | undefined;
};

/** The same request always gets the same answer; `choice` only sets the choices of `n > 1` apart. */
export function answerChat(request: ChatRequest, choice: number, exactTokens?: number): Answer {
  const tools = toolsToCall(request);
  if (tools.length > 0) {
    const toolCalls = tools.map((tool, index) => ({
      id: `call_sim_${choice}_${index}`,
      name: tool.function.name,
      arguments: JSON.stringify(sampleOfSchema(tool.function.parameters ?? {})),
    }));
    return { tokens: [], toolCalls, finishReason: 'tool_calls' };
  }
  return limitAnswer(chatText(request, choice), {
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? undefined,
    stop: request.stop,
    exactTokens,
  });
}

export function answerPrompt(prompt: string, choice: number, limits: AnswerLimits): Answer {
  const variant = choice === 0 ? '' : ` (choice ${choice + 1})`;
  return limitAnswer(` … and so on, says Fairlead's model simulator${variant}: "${prompt}"`, limits);
}

export function limitAnswer(text: string, limits: AnswerLimits): Answer {
  const tokens = splitIntoTokens(untilStop(text, limits.stop));
  if (limits.exactTokens !== undefined) {
    const filled = Array.from({ length: limits.exactTokens }, (_, index) => ` word${index + 1}`);
    return limitTokens(filled, limits.maxTokens);
  }
  return limitTokens(tokens, limits.maxTokens);
}

function limitTokens(tokens: string[], maxTokens: number | undefined): Answer {
  const isCut = maxTokens !== undefined && tokens.length > maxTokens;
  return {
    tokens: isCut ? tokens.slice(0, maxTokens) : tokens,
    toolCalls: [],
    finishReason: isCut ? 'length' : 'stop',
  };
}

function untilStop(text: string, stop: AnswerLimits['stop']): string {
  const sequences = typeof stop === 'string' ? [stop] : (stop ?? []);
  const ends = sequences.map((sequence) => text.indexOf(sequence)).filter((end) => end >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}

function chatText(request: ChatRequest, choice: number): string {
  const format = request.response_format;
  const question = lastText(request.messages, 'user');
  if (format?.type === 'json_schema') {
    return JSON.stringify(sampleOfSchema(format.json_schema.schema ?? {}));
  }
  if (format?.type === 'json_object') {
    return JSON.stringify({ simulator: 'fairlead', question });
  }
  const variant = choice === 0 ? '' : `Choice ${choice + 1}. `;
  const results = toolResults(request.messages);
  if (results.length > 0) {
    return `${variant}This is Fairlead's model simulator. The tool answered: ${results.join(' | ')}`;
  }
  return (
    `${variant}Hello! This is Fairlead's model simulator, not a real model. ` +
    `You asked: "${question}". Everything between you and me works; ` +
    'point the route at a real provider to get a real answer.'
  );
}

/**
 * A tool is called where the request insists on one (`required`, or named), and where the last user
 * message speaks of it: by its name, by a telling word of its name, or by the word "tool".
 */
function toolsToCall(request: ChatRequest): ChatTool[] {
  const tools = request.tools ?? [];
  const choice = request.tool_choice ?? 'auto';
  if (typeof choice === 'object') {
    return tools.filter((tool) => tool.function.name === choice.function.name);
  }
  if (choice === 'none' || tools.length === 0) return [];
  const question = lastText(request.messages, 'user').toLowerCase();
  const wanted = tools.filter((tool) => isSpokenOf(tool, question));
  if (choice === 'required') return wanted.length > 0 ? wanted : tools.slice(0, 1);
  if (toolResults(request.messages).length > 0) return [];
  return wanted.length === 0 && /\btools?\b/.test(question) ? tools.slice(0, 1) : wanted;
}

function isSpokenOf(tool: ChatTool, question: string): boolean {
  const name = tool.function.name.toLowerCase();
  const tellingWords = name.split(/[^a-z0-9]+/).filter((word) => word.length > 4);
  return question.includes(name) || tellingWords.some((word) => question.includes(word));
}

/** The results after the last user message: an older turn's are not this turn's. */
function toolResults(messages: ChatMessage[]): string[] {
  const turn = messages.slice(messages.findLastIndex((message) => message.role === 'user') + 1);
  return turn.filter((message) => message.role === 'tool').map(textOf);
}

function lastText(messages: ChatMessage[], role: string): string {
  const message = messages.findLast((candidate) => candidate.role === role) ?? messages.at(-1);
  return message === undefined ? '' : textOf(message);
}

export function textOf(message: ChatMessage): string {
  if (typeof message.content === 'string') return message.content;
  return (message.content ?? []).map((part) => part.text ?? '').join('');
}
