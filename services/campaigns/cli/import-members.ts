/** `polyb campaign import FILE.csv`: members are sent while the file is read, so its size does not matter. */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { campaigns } from '../../../contracts/campaigns.ts';
import type { InputOf, OutputOf } from '../../../contracts/kit/define.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { type CsvEncoding, type CsvRow, csvLines, delimiterOf } from '../../../scripts/csv.ts';
import { type Campaign, days } from './campaign.ts';

type Added = OutputOf<typeof campaigns.add_members>;
type NewMember = InputOf<typeof campaigns.add_members>['members'][number];
type Fault = Added['errors'][number];

const subject = 'campaign import';
const batch = 500;
/** Maximum characters in a row; otherwise an unclosed quote would swallow the rest of the file. */
const mostLetters = 20_000;
/** Maximum errors shown; all are counted. */
const shownErrors = 100;
const tellEveryMs = 2_000;

/** Accepted column names, in lower case. */
const columns: Readonly<Record<keyof Omit<NewMember, 'line'>, readonly string[]>> = {
  phoneNumber: ['phonenumber', 'phone', 'телефон', 'номер', 'номер телефона'],
  name: ['name', 'имя', 'фио'],
  leadId: ['leadid', 'lead', 'лид'],
  timeZone: ['timezone', 'zone', 'пояс', 'часовой пояс'],
  consent: ['consent', 'согласие'],
};
/** Maximum lengths in a request of add_members, which reports values that are still too long by their line. */
const cut = { phoneNumber: 64, name: 200, leadId: 200, timeZone: 200, consent: 400 } as const;

export async function importMembers(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [file] = args;
  if (file === undefined) throw wrongUsage('expected a file', { subject, next: ['polyb campaign import clients.csv --name "Весна"'] });
  const rules = rulesIn(invocation);
  const { delimiter, text } = await opened(file, flags.text('encoding') as CsvEncoding | undefined, signal); // One of the values.
  return await withAsk(invocation, async (ask) => {
    const to = flags.text('to');
    const name = flags.text('name') ?? basename(file).slice(0, 200);
    const total = { added: 0, updated: 0, repeated: 0, held: 0 };
    const errors: Fault[] = [];
    let [lines, refused, toldAt] = [0, 0, Date.now()];
    let campaignId = to;
    const refuse = (faults: readonly Fault[]): void => {
      refused += faults.length;
      errors.push(...faults.slice(0, shownErrors - errors.length));
    };
    const send = async (members: readonly NewMember[]): Promise<void> => {
      campaignId ??= (await ask<Campaign>('campaigns.create_campaign', { name, rules }, { key: randomUUID() })).campaignId;
      const { errors: faults, ...counts } = await ask<Added>('campaigns.add_members', { campaignId, members });
      for (const key of ['added', 'updated', 'repeated', 'held'] as const) total[key] += counts[key];
      refuse(faults);
      if (Date.now() - toldAt < tellEveryMs) return;
      toldAt = Date.now();
      out.note(`${lines} lines, ${total.added} members added, ${refused} refused`);
    };
    let waiting: NewMember[] = [];
    let broken: Error | undefined;
    try {
      for await (const { line, row, beyond } of csvLines(text, { delimiter, most: mostLetters })) {
        if (lines === 0) checkHeader(row);
        lines += 1;
        if (beyond > 0) {
          refuse([
            { line, field: 'line', expected: `${Object.keys(row).length} columns; check for an unclosed quote or an unquoted delimiter` },
          ]);
          continue;
        }
        waiting.push(memberIn(line, row));
        if (waiting.length < batch) continue;
        await send(waiting);
        waiting = [];
      }
    } catch (error) {
      // The text before the unreadable byte is a whole number of lines.
      if (!isPolybError(error) || error.code !== 'invalid_argument' || lines === 0) throw error;
      broken = error;
    }
    if (lines === 0) throw refusal('invalid_argument', `${file} has no line below its header`, { subject, effect: 'nothing_done' });
    if (waiting.length > 0) await send(waiting);
    await out.result(
      { campaignId, lines, ...total, refused, errors, isWhole: broken === undefined },
      { text: () => drawImport({ campaignId: campaignId ?? '', lines, ...total, refused, errors }) },
    );
    if (broken !== undefined) throw refusal('invalid_argument', `after ${lines} lines: ${broken.message}`, { subject });
    out.note(to === undefined ? `to start its calls: polyb campaign start ${campaignId}` : `added to ${campaignId}`, 'ok');
    return refused === 0 ? 0 : 9;
  });
}

function drawImport(
  of: { readonly campaignId: string; readonly lines: number; readonly refused: number; readonly errors: readonly Fault[] } & Omit<
    Added,
    'errors'
  >,
): string {
  const counts = [
    `${of.added} added`,
    ...(of.updated > 0 ? [`${of.updated} completed`] : []),
    ...(of.repeated > 0 ? [`${of.repeated} already in the campaign`] : []),
    ...(of.held > 0 ? [`${of.held} held for a person: polyb campaign show ${of.campaignId}`] : []),
    ...(of.refused > 0 ? [`${of.refused} refused`] : []),
  ];
  const faults = of.errors.map(({ line, field, expected }) => `  line ${line}, ${field}: expected ${expected}`);
  const more = of.refused > of.errors.length ? [`  and ${of.refused - of.errors.length} more`] : [];
  return `${[`${of.campaignId}  ${of.lines} lines: ${counts.join(', ')}`, ...faults, ...more].join('\n')}\n`;
}

function checkHeader(row: CsvRow): void {
  if (cellOf(row, 'phoneNumber') !== undefined) return;
  throw refusal(
    'invalid_argument',
    `line 1: expected a column ${columns.phoneNumber.join(' or ')}, got ${Object.keys(row).join(', ').slice(0, 200)}`,
    {
      subject,
      effect: 'nothing_done',
    },
  );
}
/** Undefined if there is no such column. */
function cellOf(row: CsvRow, field: keyof typeof columns): string | null | undefined {
  const name = Object.keys(row).find((each) => columns[field].includes(each.toLowerCase()));
  return name === undefined ? undefined : row[name];
}
function memberIn(line: number, row: CsvRow): NewMember {
  const value = (field: keyof typeof columns) => cellOf(row, field)?.slice(0, cut[field]);
  const fields = (['name', 'leadId', 'timeZone', 'consent'] as const).flatMap((field) => {
    const text = value(field);
    return text == null ? [] : [[field, text] as const];
  });
  return { line, phoneNumber: value('phoneNumber') ?? '', ...Object.fromEntries(fields) };
}

/** The text of a file in chunks, and the delimiter found in its first line. */
async function opened(
  file: string,
  encoding: CsvEncoding | undefined,
  signal: AbortSignal,
): Promise<{ readonly delimiter: ReturnType<typeof delimiterOf>; readonly text: AsyncIterable<string> }> {
  const pieces = decoded(file, encoding, signal);
  const first = await pieces.next();
  const head = first.done ? '' : first.value;
  const text = (async function* () {
    yield head;
    yield* pieces;
  })();
  return { delimiter: delimiterOf(head), text };
}
async function* decoded(file: string, encoding: CsvEncoding | undefined, signal: AbortSignal): AsyncGenerator<string, undefined> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let lines = 1;
  const decode = (bytes?: Uint8Array): string => {
    decoder ??= new TextDecoder(encoding ?? encodingOf(bytes ?? new Uint8Array()), { fatal: true });
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw refusal('invalid_argument', `${file} is not ${decoder.encoding} from line ${lines} on; give its --encoding`, { subject });
    }
  };
  try {
    for await (const bytes of createReadStream(file, { signal })) {
      const text = decode(bytes as Uint8Array);
      lines += text.split('\n').length - 1;
      yield text;
    }
  } catch (error) {
    if (isPolybError(error) || signal.aborted) throw error;
    throw refusal('invalid_argument', `${file} cannot be read: ${(error as Error).message}`, { subject, effect: 'nothing_done' });
  }
  yield decode();
}
/** Russian Excel writes windows-1251 by default. */
function encodingOf(bytes: Uint8Array): CsvEncoding {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return 'utf-8';
  } catch {
    return 'windows-1251'; // The decoder throws for bytes that are not UTF-8.
  }
}

function rulesIn({ flags }: Pick<Invocation, 'flags'>): object {
  const windows = flags.list('window').flatMap(windowsIn);
  const text = (name: string, rule: string) => (flags.text(name) === undefined ? {} : { [rule]: flags.text(name) });
  const whole = (name: string, rule: string) => (flags.whole(name, 1) === undefined ? {} : { [rule]: flags.whole(name, 1) });
  return {
    ...(windows.length > 0 && { windows }),
    ...text('time-zone', 'timeZone'),
    ...whole('in-flight', 'inFlight'),
    ...whole('per-hour', 'perHour'),
    ...whole('attempts', 'attempts'),
    ...text('trunk', 'trunk'),
    ...text('line', 'line'),
    ...text('approval', 'approval'),
    ...(flags.on('holidays') && { callsOnHolidays: true }),
    ...(flags.on('without-consent') && { needsConsent: false }),
  };
}
function windowsIn(text: string): readonly object[] {
  const [, first = '', last = first, from, to] = /^([a-z]{3})(?:-([a-z]{3}))?\s+(\d\d:\d\d)-(\d\d:\d\d)$/i.exec(text.trim()) ?? [];
  const [begin, end] = [first, last].map((day) => days.indexOf(day.toLowerCase()));
  if (begin === undefined || end === undefined || begin < 0 || end < begin)
    throw wrongUsage(`--window: expected days and times such as "mon-fri 10:00-19:00", got "${text}"`, { subject });
  return days.slice(begin, end + 1).map((_, nth) => ({ weekday: begin + nth + 1, from, to }));
}
