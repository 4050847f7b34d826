/** Log lines as facts/time/level/message in NDJSON on stdout; whoever runs the process decides where they go. */
import { type DestinationStream, pino } from 'pino';
import type { Log } from '../bus/service.ts';
import { scrub } from '../contracts/kit/scrub.ts';

const longestLine = 32_768;
const deepestCause = 3;

/** Facts are written as they are given, `err` by an allow list, and the finished line is scrubbed. `to` stands in for stdout. */
export function createLog({
  level,
  service,
  to,
}: {
  readonly level: string;
  readonly service: string;
  readonly to?: DestinationStream;
}): Log {
  const options = {
    level,
    base: { 'service.name': service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: errorFacts },
    hooks: { streamWrite: scrubLine },
  };
  return to ? pino(options, to) : pino(options);
}

interface ErrorFacts {
  readonly code?: string;
  readonly reason?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorFacts;
}
/** Nothing but these: what hangs on an error besides may be anybody's data. */
function errorFacts(thrown: unknown, depth = 0): ErrorFacts {
  if (typeof thrown !== 'object' || thrown === null) return { message: String(thrown) };
  const { code, reason, message, stack, cause } = thrown as Readonly<Record<string, unknown>>;
  return {
    ...(typeof code === 'string' && { code }),
    ...(typeof reason === 'string' && { reason }),
    message: typeof message === 'string' ? message : 'something that is not an error was thrown',
    ...(typeof stack === 'string' && { stack }),
    ...(cause !== undefined && depth < deepestCause && { cause: errorFacts(cause, depth + 1) }),
  };
}

const tokens = /"((?:[^"\\]|\\.)*)"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const secretKey = /(token|secret|password|passwd|authorization|cookie|api[-_]?key|apikey)$/i;
const phoneAsNumber = /^(?:[78]?9\d{9})$/;

/** The line without phones and credentials, still JSON. */
function scrubLine(line: string): string {
  if (line.length > longestLine)
    return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), msg: `a line of ${line.length} characters was cut`, start: scrub(line.slice(0, 2000)) })}\n`;
  let hidden = false;
  return line.replace(tokens, (token, text: string | undefined, colon: string | undefined) => {
    if (text !== undefined && colon !== undefined) {
      hidden = secretKey.test(text);
      return `"${scrub(text)}"${colon}`;
    }
    const hide = hidden;
    hidden = false;
    if (hide) return '"***"';
    if (text !== undefined) return `"${scrub(text)}"`;
    return phoneAsNumber.test(token) ? '"***"' : token;
  });
}
