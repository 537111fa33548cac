import { pino } from 'pino';
import type { Clock } from './clock.ts';
import type { Logger, LogLevel, LogFields } from './log.ts';

/** One JSON object a line: level, time, the fields, then the message. */
export function jsonLogger(write: (line: string) => void, clock: Pick<Clock, 'now'>, least: LogLevel): Logger {
  const log = pino(
    {
      level: least,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    { write },
  );
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => log[level](fields ?? {}, message);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
