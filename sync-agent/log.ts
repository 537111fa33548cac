import type { Json } from '../contract/canonical-json.ts';
import type { Clock } from './clock.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Readonly<Record<string, Json | undefined>>;

/** Where the agent says what it does. Neither message nor fields ever hold a secret's value. */
export type Logger = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

/** One JSON object a line: time, level, message, then the fields. */
export function jsonLogger(write: (line: string) => void, clock: Pick<Clock, 'now'>, least: LogLevel): Logger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    write(`${JSON.stringify({ time: new Date(clock.now()).toISOString(), level, message, ...fields })}\n`);
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

const nothing = () => undefined;
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
