/** A row as a chat of the staff sees it: what would go out and to whom, why it waits or what became of it, and buttons while it waits for a person. */
import { hash } from 'node:crypto';
import type { z } from 'zod';
import type { Notice } from '../../adapters/channel/port.ts';
import type { DeskRow } from '../../adapters/store/journal-admin.ts';
import type { approvals } from '../../contracts/approvals.ts';
import { Customer } from '../../contracts/common.ts';
import type { ReviewAnswer } from '../../contracts/journal.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import { mask, piiPaths } from '../../contracts/kit/describe.ts';
import { scrub } from '../../contracts/kit/scrub.ts';

export type Choice = ParsedOf<typeof approvals.press_button>['choice'];
interface Deed {
  readonly who: string;
  readonly did: string;
  readonly why: string | null;
}
/** How many characters of the hash a button carries: 132 bits, and with the row's id less than the 64 bytes that a button takes. */
const seenLength = 22;
const letters = { a: 'approve', r: 'reject', h: 'happened', t: 'try_again', g: 'give_up' } as const;

/** What a button of ours says. Anybody's client may send anything here, so it is compared with the row before it counts. */
export function choiceOf(data: string): { readonly choice: Choice; readonly rowId: string; readonly seen: string } | null {
  const [, letter, rowId = '', seen = ''] = /^([arhtg]):([a-z]{1,8}_[0-9a-z]{1,30}):([\w-]{22})$/.exec(data) ?? [];
  return letter === undefined ? null : { choice: letters[letter as keyof typeof letters], rowId, seen };
}
function buttonOf(letter: keyof typeof letters, text: string, row: DeskRow): Notice['buttons'][number] {
  return { text, data: `${letter}:${row.id}:${seenOf(row, letters[letter])}` };
}
/** What a button is about: the wording that it approves, or the attempt whose outcome is unknown. */
export function seenOf({ hash: of, attempts }: Pick<DeskRow, 'hash' | 'attempts'>, choice: Choice): string {
  const isOfWording = choice === 'approve' || choice === 'reject';
  return (isOfWording ? of : hash('sha256', `${of} ${attempts}`, 'base64url')).slice(0, seenLength);
}
/** What people are asked of a row now; null when nothing. */
export function questionOf({ state, attempts }: Pick<DeskRow, 'state' | 'attempts'>): string | null {
  return state === 'proposed' ? 'approval' : state === 'review' ? `review ${attempts}` : null;
}

/** Those whose names stand in the notice: who decided, or the first of two. */
export function deciders(row: DeskRow): readonly string[] {
  return lastDeeds(row).map(({ who }) => who);
}

interface Looks {
  /** What the serving service announced of the input; without it everything is hidden. Its description says what the method does. */
  readonly schema: { readonly description?: string };
  /** It can be said to have happened without the result of it. */
  readonly needsNoOutput: boolean;
  /** Of somebody in the audit. */
  readonly nameOf: (who: string) => string;
  readonly longestText: number;
}
export function noticeOf(row: DeskRow, { schema, needsNoOutput, nameOf, longestText }: Looks): Notice {
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
  // Nobody approves what they did not see.
  const rest = `…\n\nЗдесь видно не всё: polyb approvals show ${row.id}`;
  return {
    text: `${whole.slice(0, longestText - rest.length).toWellFormed()}${rest}`,
    buttons: buttons.filter(({ data }) => !data.startsWith('a:')),
  };
}

/** What a person may say of a row in review, and what that does. */
function answersTo(row: DeskRow, needsNoOutput: boolean) {
  const happened = { button: buttonOf('h', 'Дошло', row), does: 'ничего больше не отправится.' };
  return [
    ...(needsNoOutput ? [happened] : []),
    { button: buttonOf('t', 'Не дошло, отправить снова', row), does: 'уйдёт ещё раз. Если оно всё же дошло, клиент получит его дважды.' },
    { button: buttonOf('g', 'Не дошло, не отправлять', row), does: 'не уйдёт совсем.' },
  ];
}

function head(row: DeskRow, schema: { readonly description?: string }, nameOf: (who: string) => string): readonly string[] {
  const deeds = lastDeeds(row);
  const by = deeds.map(({ who }) => nameOf(who)).join(', ');
  /** Nobody may have done it: a step ends with its run. */
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
/** The provider's own words, which the reason only sums up. */
function whyOf({ error }: DeskRow): readonly string[] {
  const said = scrub(error?.detail?.slice(0, 300) ?? '');
  return said === '' ? [] : [`Ответ: ${oneLine(said)}`];
}
function reasonsOf(
  { method, caller, approvers, audit }: DeskRow,
  { description }: { readonly description?: string },
  by: string,
): readonly string[] {
  const what = caller === null ? method : `${method}, просит ${caller}`;
  const { who } = (audit as readonly Deed[]).findLast(({ did }) => did === 'edited') ?? {};
  return [
    `Что: ${description === undefined ? what : `${description} (${what})`}`,
    approvers > 1
      ? `Почему: по правилам согласны должны быть двое${by === '' ? '' : `; уже согласен: ${by}`}`
      : 'Почему: по правилам сначала смотрит сотрудник',
    ...(who === undefined ? [] : ['Текст изменён, прочитайте снова']),
  ];
}

/** The deeds that make the row what it is: approvals of what stands now, or the one that ended it. */
function lastDeeds({ state, audit }: DeskRow): readonly Deed[] {
  const all = audit as readonly Deed[];
  const ended = all.findLast(({ did }) => did === state || (state === 'cancelled' && ['recalled', 'dropped'].includes(did)));
  if (ended !== undefined) return [ended];
  const answered = all.findLast(({ did }) => did.startsWith('resolved') || did.startsWith('approved') || did.startsWith('retried'));
  if (answered?.did.startsWith('resolved') && !['proposed', 'expired', 'failed'].includes(state)) return [answered];
  const since = all.findLastIndex(({ did }) => did === 'edited' || did.startsWith('retried'));
  return all.slice(since + 1).filter(({ did }) => did.startsWith('approved'));
}

/** Whom it reaches and what they said last, whole: nobody decides well about somebody who is hidden from them. */
function customerOf(input: unknown): readonly string[] {
  const { data } = Customer.safeParse((input as { readonly customer?: unknown } | null)?.customer);
  if (data === undefined) return [];
  const who = [data.name, data.channel].filter((part) => part !== null && part !== '').join(', ');
  const said = data.said === null ? ['Клиент ещё ничего не писал'] : ['Последние слова клиента:', ...quoted(data.said)];
  return [`Кому: ${who === '' ? 'имя неизвестно' : oneLine(who)}`, ...said, ''].map((each) => each.replace(turning, '\uFFFD'));
}
/** Nothing of a name passes for a line of ours. */
function oneLine(text: string): string {
  return text.split(lineEnd).join(' ');
}
function quoted(value: unknown): readonly string[] {
  return String(value)
    .split(lineEnd)
    .map((each) => `│ ${each}`);
}

/** Marks that show a line in another order than it is written. */
const turning = /[\u202a-\u202e\u2066-\u2069]/g;
/** Where a line ends, however it is shown. */
const lineEnd = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;
/**
 * The words that would be said first, whole; the rest by name, phones and names masked as everywhere.
 * Each line of the words is marked, so that none can pass for one of ours.
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
/** The masked value with its words as they are, phones in them too: whoever is asked for approval must read all that would be said. */
function withWords(texts: readonly (readonly string[])[], shown: unknown, given: unknown): unknown {
  if (typeof given === 'string') return texts.some((steps) => steps.length === 0) ? given : shown;
  if (texts.length === 0 || typeof shown !== 'object' || shown === null || typeof given !== 'object' || given === null) return shown;
  const below = (name: string) => texts.filter(([step]) => step === name || step === '*').map((steps) => steps.slice(1));
  const child = (name: string, inner: unknown) => withWords(below(name), inner, (given as Readonly<Record<string, unknown>>)[name]);
  if (Array.isArray(shown)) return shown.map((inner, index) => child(String(index), inner));
  return Object.fromEntries(Object.entries(shown).map(([name, inner]) => [name, child(name, inner)]));
}
