/** The one writer: results go to stdout in the wanted format, everything else that is said goes to stderr. */
import { styleText } from 'node:util';
import type { PolybError } from '../../../contracts/kit/errors.ts';
import { toProblem } from '../../../contracts/kit/errors.ts';
import { metaOf, tell, wrongUsage } from './failure.ts';
import type { Flags } from './flags.ts';
import type { Format, Style, View } from './pretty.ts';
import { maskPhones } from './text.ts';

export type { Format, Style, View } from './pretty.ts';

export interface Sink {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}
export interface Output {
  readonly format: Format;
  readonly isTty: boolean;
  /** Cells of a line on stdout; Infinity when it is no terminal. */
  readonly width: number;
  readonly verbose: number;
  readonly ascii: boolean;
  /** May a question be asked? */
  readonly canAsk: boolean;
  readonly assumeYes: boolean;
  /** The command's answer. */
  result(value: unknown, view?: View, meta?: object): Promise<void>;
  /** One of many answers, as it comes: a line each. */
  item(value: unknown, line?: () => string): Promise<void>;
  /** Text for people that is the result itself: help, a script, a drawing. */
  print(text: string): void;
  /** A piece of a result that is bytes. */
  bytes(chunk: Uint8Array): void;
  /** Redraws the screen where stdout is a terminal; prints otherwise. */
  redraw(text: string): void;
  /** Narration. Phones are masked. */
  note(text: string, mark?: 'ok' | 'bad' | 'warn'): void;
  detail(text: string): void;
  failure(error: PolybError): void;
  paint(style: Style, text: string): string;
  time(iso: string | null): string;
}

type Env = Readonly<Record<string, string | undefined>>;
export interface OutputOptions {
  readonly flags: Flags;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly stdinIsTty: boolean;
  readonly env: Env;
  /** Unix ms. */
  readonly now: () => number;
}

/** --color, else NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR, else whether it is a terminal that can. */
export function wantsColor(when: string | undefined, env: Env, isTty: boolean): boolean {
  if (when === 'always') return true;
  if (when === 'never') return false;
  if (env.NO_COLOR) return false;
  const forced = env.CLICOLOR_FORCE ?? env.FORCE_COLOR;
  if (forced !== undefined && forced !== '' && forced !== '0' && forced !== 'false') return true;
  return isTty && env.TERM !== 'dumb';
}

const formats: readonly string[] = ['pretty', 'table', 'json', 'jsonl', 'yaml', 'raw', 'none'];

export function createOutput({ flags, stdout, stderr, stdinIsTty, env, now }: OutputOptions): Output {
  const isTty = stdout.isTTY === true;
  const chosen = flags.text('output');
  if (env.POLYB_OUTPUT === chosen && chosen !== undefined && !formats.includes(chosen))
    throw wrongUsage(`POLYB_OUTPUT: expected ${formats.join(', ')}; got "${chosen}"`);
  const format = (chosen ?? (isTty ? 'pretty' : 'json')) as Format;
  const quiet = flags.on('quiet');
  const verbose = flags.count('verbose');
  const ascii = flags.on('ascii') || !speaksUnicode(env);
  const color = wantsColor(flags.text('color'), env, isTty);
  const colorErr = wantsColor(flags.text('color'), env, stderr.isTTY === true);
  const pick = flags.text('pick');
  const envelope = flags.on('envelope');
  const canAsk = stdinIsTty && stderr.isTTY === true && !flags.on('no-input') && !truthy(env.CI);
  const width = isTty ? stdout.columns || 80 : Number.POSITIVE_INFINITY;
  const paint = (style: Style, text: string) => (color ? styleText(style, text, { validateStream: false }) : text);
  const marks = ascii ? { ok: '+', bad: 'x', warn: '!' } : { ok: '✓', bad: '✗', warn: '!' };
  const styles = { ok: 'green', bad: 'red', warn: 'yellow' } as const;
  const marked = (mark: keyof typeof marks) => (colorErr ? styleText(styles[mark], marks[mark], { validateStream: false }) : marks[mark]);
  const say = (text: string) => stderr.write(`${maskPhones(text)}\n`);

  const write = async (value: unknown, view: View = {}): Promise<void> => {
    if (format === 'none') return;
    if (value instanceof Uint8Array) {
      stdout.write(format === 'raw' ? value : `${JSON.stringify(Buffer.from(value).toString('base64'))}\n`);
      return;
    }
    if (pick !== undefined || format === 'raw') stdout.write(`${bare(value)}\n`);
    else if (format === 'json') stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    else if (format === 'jsonl')
      for (const item of view.items ?? (Array.isArray(value) ? value : [value])) stdout.write(`${JSON.stringify(item)}\n`);
    else if (format === 'yaml') stdout.write((await import('./yaml.ts')).toYaml(value));
    else {
      const pretty = await import('./pretty.ts');
      stdout.write(`${pretty.draw(value, format, view, { paint, width })}\n`);
    }
  };
  let drawn = 0;
  return {
    format,
    isTty,
    width,
    verbose,
    ascii,
    canAsk,
    assumeYes: flags.on('yes'),
    paint,
    result: async (value, view, meta) => {
      if (envelope) stdout.write(`${JSON.stringify({ ok: true, result: value, ...(meta && { meta }) })}\n`);
      else if (pick === undefined) await write(value, view);
      else await write((await import('./pick.ts')).pick(value, pick));
    },
    item: async (value, line) => {
      if (format === 'none') return;
      const picked = pick === undefined ? value : (await import('./pick.ts')).pick(value, pick);
      if (pick === undefined && line !== undefined && (format === 'pretty' || format === 'table')) stdout.write(`${line()}\n`);
      else if (format === 'yaml') stdout.write(`---\n${(await import('./yaml.ts')).toYaml(picked)}`);
      else stdout.write(`${pick === undefined ? JSON.stringify(picked) : bare(picked)}\n`);
    },
    print: (text) => {
      if (format !== 'none') stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    },
    bytes: (chunk) => {
      if (format !== 'none') stdout.write(chunk);
    },
    redraw: (text) => {
      if (isTty && drawn > 0) stdout.write(`\u001b[${drawn}A\u001b[J`);
      drawn = text.split('\n').length;
      stdout.write(`${text}\n`);
    },
    note: (text, mark) => {
      if (!quiet) say(mark === undefined ? text : `${marked(mark)} ${text}`);
    },
    detail: (text) => {
      if (verbose > 0 && !quiet) say(text);
    },
    failure: (error) => {
      const meta = metaOf(error);
      if (envelope) stdout.write(`${JSON.stringify({ ok: false, problem: toProblem(error), ...(meta && { meta }) })}\n`);
      const [first = '', ...more] = tell(error);
      say([`${marked('bad')} ${first}`, ...more].join('\n'));
      if (verbose > 1) say(stackOf(error));
    },
    time: (iso) => {
      if (iso === null) return ascii ? '-' : '—';
      const how = flags.text('time-format') ?? (isTty ? 'relative' : 'iso');
      if (how !== 'relative') return how === 'raw' ? String(Date.parse(iso)) : iso;
      const ago = now() - Date.parse(iso);
      return ago >= 0 ? `${relative(ago)} ago` : `in ${relative(-ago)}`;
    },
  };
}

function relative(ms: number): string {
  const [size, unit] = ms < 60_000 ? [1000, 's'] : ms < 3_600_000 ? [60_000, 'm'] : ms < 86_400_000 ? [3_600_000, 'h'] : [86_400_000, 'd'];
  return `${Math.floor(ms / (size as number))}${unit}`;
}

/** A string as it is; anything else as JSON on one line. */
function bare(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function truthy(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value.toLowerCase() !== 'false';
}

function speaksUnicode(env: Env): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  // Without any locale (cron, containers) UTF-8 is what programs read; only one that names another charset means it.
  return locale === undefined || !/\.|^(C|POSIX)$/.test(locale) || /utf-?8/i.test(locale);
}

function stackOf(error: Error): string {
  const cause = (error as { cause?: unknown }).cause;
  return [
    error.stack ?? '',
    ...(cause === undefined
      ? []
      : [`caused by ${cause instanceof Error || Error.isError(cause) ? (cause as Error).stack : String(cause)}`]),
  ].join('\n');
}
