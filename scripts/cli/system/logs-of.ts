/** Lines that PM2's apps wrote: pino's JSON, and whatever a crash prints. */
import { open, stat } from 'node:fs/promises';
import { clean } from '../kernel/text.ts';

export const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];

export interface LogLine {
  readonly app: string;
  /** RFC 3339; undefined when the line is no JSON. */
  readonly time: string | undefined;
  /** Its time, or that of the line before it; '' when no line has had one. */
  readonly at: string;
  readonly level: Level;
  readonly message: string;
  readonly traceId: string | undefined;
  /** What else the line holds, the error apart. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly error: string | undefined;
  readonly raw: string;
}

/** Bytes that stand in the file by now; 0 when it is not there. */
export async function logSize(file: string): Promise<number> {
  return (await stat(file).catch(() => ({ size: 0 }))).size;
}

/** What was written from byte `from` on, and where to go on; '' when the file is not there. A file that has become shorter is read anew. */
export async function readLog(file: string, from: number): Promise<{ readonly text: string; readonly next: number }> {
  const size = await logSize(file);
  const start = from > size ? 0 : from;
  if (size === start) return { text: '', next: size };
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - start), position: start });
    return { text: buffer.toString('utf8', 0, bytesRead), next: start + bytesRead };
  } finally {
    await handle.close();
  }
}

/** The last lines since byte `from`, as a person reads them. */
export async function lastLines(file: string, from: number, count: number): Promise<readonly string[]> {
  const { text } = await readLog(file, from);
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .map((line) => tellLine(parseLine('', line, '')));
}

/** Every line of a text; one that is no JSON goes with the line before it. */
export function parseLines(app: string, text: string): readonly LogLine[] {
  let before = '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((raw) => {
      const line = parseLine(app, raw, before);
      before = line.at;
      return line;
    });
}

const isOurs = new Set(['time', 'level', 'msg', 'service.name', 'trace_id', 'span_id', 'trace_flags', 'err', 'pid', 'hostname']);

function parseLine(app: string, raw: string, before: string): LogLine {
  const json = objectOf(raw);
  // What is no JSON was written by Node or a server, and that is mostly why it ended.
  if (json === undefined)
    return { app, time: undefined, at: before, level: 'error', message: raw, traceId: undefined, facts: {}, error: undefined, raw };
  const { time, level, msg, trace_id, err } = json;
  const { message, stack } = (typeof err === 'object' && err !== null ? err : {}) as { message?: unknown; stack?: unknown };
  const written = typeof time === 'string' ? time : typeof time === 'number' ? new Date(time).toISOString() : undefined;
  return {
    app,
    time: written,
    at: written ?? before,
    level: levelOf(level),
    message: String(msg ?? ''),
    traceId: typeof trace_id === 'string' ? trace_id : undefined,
    facts: Object.fromEntries(Object.entries(json).filter(([name]) => !isOurs.has(name))),
    error: typeof stack === 'string' ? stack : typeof message === 'string' ? message : undefined,
    raw,
  };
}

/** One line, with the error's own below it. */
export function tellLine({ time, level, message, facts, error, traceId }: LogLine): string {
  if (time === undefined) return message;
  const rest = Object.entries(facts).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const trace = traceId === undefined ? [] : [`trace=${traceId.slice(0, 8)}`];
  const head = [time.slice(11, 23), level.padEnd(5), clean(message), ...trace, ...rest.map(clean)].join(' ');
  return error === undefined ? head : `${head}\n${error.replace(/^/gm, '    ')}`;
}

function objectOf(raw: string): Record<string, unknown> | undefined {
  if (!raw.startsWith('{')) return undefined;
  try {
    return JSON.parse(raw) as Record<string, unknown>;
  } catch {
    // A line that merely begins like JSON, or was cut by the end of the process.
    return undefined;
  }
}

/** pino writes levels as words or as numbers. */
function levelOf(level: unknown): Level {
  if (typeof level === 'number') return level >= 50 ? 'error' : level >= 40 ? 'warn' : level >= 30 ? 'info' : 'debug';
  return level === 'trace' ? 'debug' : level === 'fatal' ? 'error' : (levels.find((each) => each === level) ?? 'info');
}
