/** A row as shown in a chat of the staff: what would be sent and to whom, why it waits or how it ended, and buttons while it waits. */
import { hash } from 'node:crypto';
import type { z } from 'zod';
import type { Notice } from '../../adapters/channel/port.ts';
import type { AdminRow } from '../../adapters/store/journal-admin.ts';
import { approvalPress, type approvals } from '../../contracts/approvals.ts';
import { Customer } from '../../contracts/common.ts';
import type { ReviewAnswer } from '../../contracts/journal.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { mask, piiPaths } from '../../contracts/kit/describe.ts';
import { scrub } from '../../contracts/kit/scrub.ts';

export type Choice = ParsedOf<typeof approvals.press_button>['choice'];
interface AuditEntry {
  readonly who: string;
  readonly did: string;
  readonly why: string | null;
}
/** Characters of the hash in a button: 132 bits, and with the row's id below the 64 bytes of a button. */
const seenLength = 22;
const letters = { a: 'approve', r: 'reject', h: 'happened', t: 'try_again', g: 'give_up' } as const;

/** Parses the data of a button. Any program can send any data here, so it is compared with the row before it counts. */
export function choiceOf(data: string): { readonly choice: Choice; readonly rowId: string; readonly seen: string } | null {
  const [, letter, rowId = '', seen = ''] = approvalPress.exec(data) ?? [];
  return letter === undefined ? null : { choice: letters[letter as keyof typeof letters], rowId, seen };
}
function buttonOf(letter: keyof typeof letters, text: string, row: AdminRow): Notice['buttons'][number] {
  return { text, data: `${letter}:${row.id}:${seenOf(row, letters[letter])}` };
}
/** The version that a button refers to: the text to approve, or the attempt whose outcome is unknown. */
export function seenOf({ hash: of, attempts }: Pick<AdminRow, 'hash' | 'attempts'>, choice: Choice): string {
  const isOfWording = choice === 'approve' || choice === 'reject';
  return (isOfWording ? of : hash('sha256', `${of} ${attempts}`, 'base64url')).slice(0, seenLength);
}
/** The decision that a row waits for; null if none. */
export function questionOf({ state, attempts }: Pick<AdminRow, 'state' | 'attempts'>): string | null {
  return state === 'proposed' ? 'approval' : state === 'review' ? `review ${attempts}` : null;
}

/** Actors named in the notice: who decided, or gave the first of two approvals. */
export function deciders(row: AdminRow): readonly string[] {
  return lastDeeds(row).map(({ who }) => who);
}

interface NoticeOptions {
  /** The input schema that the serving service published; without it everything is hidden. Its description is the summary of the method. */
  readonly schema: { readonly description?: string };
  /** The row can be resolved as happened without an output. */
  readonly needsNoOutput: boolean;
  /** Display name of an actor in the audit. */
  readonly nameOf: (who: string) => string;
  readonly longestText: number;
}
export function noticeOf(row: AdminRow, { schema, needsNoOutput, nameOf, longestText }: NoticeOptions): Notice {
  const answers = row.state === 'review' ? answersTo(row, needsNoOutput) : [];
  const buttons =
    row.state === 'proposed' ? [buttonOf('a', 'Отправить', row), buttonOf('r', 'Отклонить', row)] : answers.map(({ button }) => button);
  const explained = answers.map(({ button, does }) => `«${button.text}»: ${does}`);
  const whole = [
    ...head(row, schema, nameOf),
    ...explained,
    '',
    ...customerOf(row.input),
    ...inputOf(row.input, schema),
    '',
    `Номер: ${row.id}`,
  ]
    .join('\n')
    .toWellFormed();
  if (whole.length <= longestText) return { text: whole, buttons };
  // A text that is not shown completely cannot be approved.
  const rest = `…\n\nЗдесь видно не всё: polyb approvals show ${row.id}`;
  return {
    text: `${whole.slice(0, longestText - rest.length).toWellFormed()}${rest}`,
    buttons: buttons.filter(({ data }) => !data.startsWith('a:')),
  };
}

/** Answers to a row in review, with their effects. */
function answersTo(row: AdminRow, needsNoOutput: boolean) {
  const happened = { button: buttonOf('h', 'Дошло', row), does: 'ничего больше не отправится.' };
  return [
    ...(needsNoOutput ? [happened] : []),
    { button: buttonOf('t', 'Не дошло, отправить снова', row), does: 'уйдёт ещё раз. Если оно всё же дошло, клиент получит его дважды.' },
    { button: buttonOf('g', 'Не дошло, не отправлять', row), does: 'не уйдёт совсем.' },
  ];
}

function head(row: AdminRow, schema: { readonly description?: string }, nameOf: (who: string) => string): readonly string[] {
  const deeds = lastDeeds(row);
  const by = deeds.map(({ who }) => nameOf(who)).join(', ');
  /** The row may have ended without a decision: a step ends with its run. */
  const named = (done: string): string => (by === '' ? done : `${done}: ${by}`);
  const last = deeds.at(-1);
  const why = last?.why ? ` (${last.why})` : '';
  const wasApproved = deeds.some(({ did }) => did.startsWith('approved'));
  switch (row.state) {
    case 'review':
      return [
        '❓ Неизвестно, дошло ли это до клиента',
        `Почему: ${oneLine(scrub(row.error?.detail?.slice(0, 300) ?? '')) || 'ответа не было'}`,
        ...(row.lane === null ? [] : ['Другие сообщения этого чата ждут, пока вы не ответите, и потом пойдут дальше']),
        'Посмотрите в чате с клиентом и ответьте:',
      ];
    case 'proposed':
      return ['⏳ Ждёт согласования', ...reasonsOf(row, schema, by)];
    case 'rejected':
      return [`${named('❌ Отклонено')}${why}`];
    case 'cancelled':
      if (last?.did === resolved('give_up')) return [`${named('🚫 Не дошло, не отправляется')}${why}`];
      return [`${named(last?.did === 'recalled' ? '↩️ Одобрение отозвано' : '🚫 Отменено')}${why}`];
    case 'expired':
      return [wasApproved ? `⌛ ${named('Одобрено')}. Время вышло раньше, чем ушло` : '⌛ Время вышло, никто не решил'];
    case 'stale':
      return ['💬 Устарело: с тех пор многое изменилось, это уже не уйдёт'];
    case 'failed':
      return [`⚠️ ${named('Одобрено')}. Не получилось: ${row.error?.reason ?? row.error?.code ?? 'причина неизвестна'}`, ...whyOf(row)];
    default:
      if (last?.did === resolved('try_again')) return [named('🔁 Не дошло, отправляется снова')];
      if (last?.did === resolved('happened')) return [named('✅ Дошло')];
      return [named('✅ Одобрено')];
  }
}
const resolved = (answer: z.output<typeof ReviewAnswer>): string => `resolved: ${answer}`;
/** The words of the provider, which the reason only summarises. */
function whyOf({ error }: AdminRow): readonly string[] {
  const said = scrub(error?.detail?.slice(0, 300) ?? '');
  return said === '' ? [] : [`Ответ: ${oneLine(said)}`];
}
function reasonsOf(
  { method, caller, approvers, audit }: AdminRow,
  { description }: { readonly description?: string },
  by: string,
): readonly string[] {
  const what = caller === null ? method : `${method}, просит ${caller}`;
  const { who } = (audit as readonly AuditEntry[]).findLast(({ did }) => did === 'edited') ?? {};
  return [
    `Что: ${description === undefined ? what : `${description} (${what})`}`,
    approvers > 1
      ? `Почему: по правилам согласны должны быть двое${by === '' ? '' : `; уже согласен: ${by}`}`
      : 'Почему: по правилам сначала смотрит сотрудник',
    ...(who === undefined ? [] : ['Текст изменён, прочитайте снова']),
  ];
}

/** The audit entries that explain the state: approvals of the current version, or the decision that ended it. */
function lastDeeds({ state, audit }: AdminRow): readonly AuditEntry[] {
  const all = audit as readonly AuditEntry[];
  const ended = all.findLast(({ did }) => did === state || (state === 'cancelled' && ['recalled', 'dropped'].includes(did)));
  if (ended !== undefined) return [ended];
  const answered = all.findLast(({ did }) => did.startsWith('resolved') || did.startsWith('approved') || did.startsWith('retried'));
  if (answered?.did.startsWith('resolved') && !['proposed', 'expired', 'failed'].includes(state)) return [answered];
  const since = all.findLastIndex(({ did }) => did === 'edited' || did.startsWith('retried'));
  return all.slice(since + 1).filter(({ did }) => did.startsWith('approved'));
}

/** The recipient and their last words, in full: the approver needs to see them. */
function customerOf(input: unknown): readonly string[] {
  const { data } = Customer.safeParse((input as { readonly customer?: unknown } | null)?.customer);
  if (data === undefined) return [];
  const who = [data.name, data.channel].filter((part) => part !== null && part !== '').join(', ');
  const said = data.said === null ? ['Клиент ещё ничего не писал'] : ['Последние слова клиента:', ...quoted(data.said)];
  return [`Кому: ${who === '' ? 'имя неизвестно' : oneLine(who)}`, ...said, ''].map((each) => each.replace(turning, '\uFFFD'));
}
/** A name cannot imitate a line of the notice. */
function oneLine(text: string): string {
  return text.split(lineEnd).join(' ');
}
function quoted(value: unknown): readonly string[] {
  return String(value)
    .split(lineEnd)
    .map((each) => `│ ${each}`);
}

/** Characters that display a line in another order than written. */
const turning = /[\u202a-\u202e\u2066-\u2069]/g;
/** End of a line, in any display. */
const lineEnd = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;
/**
 * The outbound texts first, complete; the other fields by name, phones and names masked as everywhere.
 * Each line of the texts is marked, so that none can imitate a line of the notice.
 */
function inputOf(input: unknown, schema: object): readonly string[] {
  const texts = piiPaths(schema as never).flatMap(({ place, pii }) => (pii === 'text' ? [place.split('/').slice(1)] : []));
  const shown = withWords(texts, mask(schema as never, input), input);
  if (typeof shown !== 'object' || shown === null) return [String(shown)];
  const isWords = ([name]: readonly [string, unknown]) => texts.some((steps) => steps.length === 1 && steps[0] === name);
  const fields = Object.entries(shown).filter(([name, value]) => value !== null && name !== 'customer');
  const [words, others] = [fields.filter(isWords), fields.filter((field) => !isWords(field))];
  const line = ([name, value]: readonly [string, unknown]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`;
  return [...words.flatMap(([, value]) => [...quoted(value), '']), ...others.map(line)].map((each) => each.replace(turning, '\uFFFD'));
}
/** The masked value with its texts unmasked, including phones in them: an approver must read everything that would be sent. */
function withWords(texts: readonly (readonly string[])[], shown: unknown, given: unknown): unknown {
  if (typeof given === 'string') return texts.some((steps) => steps.length === 0) ? given : shown;
  if (texts.length === 0 || typeof shown !== 'object' || shown === null || typeof given !== 'object' || given === null) return shown;
  const below = (name: string) => texts.filter(([step]) => step === name || step === '*').map((steps) => steps.slice(1));
  const child = (name: string, inner: unknown) => withWords(below(name), inner, (given as Readonly<Record<string, unknown>>)[name]);
  if (Array.isArray(shown)) return shown.map((inner, index) => child(String(index), inner));
  return Object.fromEntries(Object.entries(shown).map(([name, inner]) => [name, child(name, inner)]));
}
