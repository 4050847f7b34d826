/** `polyb logs`: what services wrote, merged by time. */

import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { durationMs } from '../kernel/flags.ts';
import { nearest } from '../kernel/nearest.ts';
import { type Level, type LogLine, levels, parseLines, readLog, tellLine } from './logs-of.ts';
import { logFiles, logFolder, serverApp, servers } from './project.ts';

const pollMs = 250;
const defaultLines = 100;

export async function logs({ args, flags, out, signal }: Invocation): Promise<number> {
  const known = await writers();
  const apps = args.length > 0 ? args.map((name) => nameOf(name, known)) : known.filter((name) => !servers.map(serverApp).includes(name));
  const wanted = filterOf({
    level: (flags.text('level') ?? 'debug') as Level,
    grep: flags.text('grep'),
    trace: flags.text('trace-id'),
    since: sinceOf(flags.text('since')),
  });
  const width = Math.max(0, ...apps.map((name) => name.length));
  const paint = { debug: 'gray', info: 'reset', warn: 'yellow', error: 'red' } as const;
  const show = (line: LogLine) =>
    out.item(jsonOf(line), () => out.paint(paint[line.level], `${apps.length > 1 ? `${line.app.padEnd(width)}  ` : ''}${tellLine(line)}`));

  const positions = new Map<string, number>();
  const files = apps.flatMap((app) => logFiles(app).map((file) => ({ app, file })));
  const read = async ({ app, file }: { app: string; file: string }): Promise<readonly LogLine[]> => {
    const { text, next } = await readLog(file, positions.get(file) ?? 0);
    // A line that is still being written is left for the next time.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    positions.set(file, next - Buffer.byteLength(text) + Buffer.byteLength(whole));
    return parseLines(app, whole).filter(wanted);
  };
  const past = merged(await Promise.all(files.map(read)));
  for (const line of past.slice(Math.max(0, past.length - (flags.whole('lines', 0) ?? defaultLines)))) await show(line);
  while (flags.on('follow') && !signal.aborted) {
    for (const line of merged(await Promise.all(files.map(read)))) await show(line);
    // Ctrl-C is how following ends.
    await delay(pollMs, undefined, { signal }).catch(() => {});
  }
  return 0;
}

/** Names of all that have written something here. */
async function writers(): Promise<readonly string[]> {
  const files = await readdir(logFolder).catch(() => []);
  return files
    .filter((file) => file.endsWith('.log'))
    .map((file) => file.slice(0, -4))
    .sort();
}

function nameOf(name: string, known: readonly string[]): string {
  if (known.includes(name)) return name;
  throw wrongUsage(`${name} has no log here`, {
    subject: 'logs',
    close: nearest(name, known),
    next: known.length > 0 ? [`there is ${known.join(' ')}`] : ['polyb up'],
  });
}

/** Unix ms; -Infinity for no limit. */
function sinceOf(text: string | undefined): number {
  if (text === undefined) return Number.NEGATIVE_INFINITY;
  const span = durationMs(text);
  const time = span === undefined ? Date.parse(text) : Date.now() - span;
  if (Number.isNaN(time))
    throw wrongUsage(`--since: expected a length of time or a time, e.g. 10m or 2026-01-31T10:00:00Z; got "${text}"`, { subject: 'logs' });
  return time;
}

type Wanted = { readonly level: Level; readonly grep: string | undefined; readonly trace: string | undefined; readonly since: number };
function filterOf({ level, grep, trace, since }: Wanted): (line: LogLine) => boolean {
  return (line) =>
    levels.indexOf(line.level) >= levels.indexOf(level) &&
    (grep === undefined || line.raw.includes(grep)) &&
    (trace === undefined || line.traceId?.startsWith(trace) === true) &&
    (since === Number.NEGATIVE_INFINITY || Date.parse(line.at) >= since);
}

const merged = (logs: readonly (readonly LogLine[])[]): readonly LogLine[] =>
  logs.flat().sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));

function jsonOf({ app, time, level, message, traceId, facts, error }: LogLine) {
  return { app, time: time ?? null, level, message, ...(traceId && { traceId }), ...facts, ...(error && { error }) };
}
