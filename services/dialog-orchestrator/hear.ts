/** What the customer said and pressed since the last turn. */
import type { Context, Database, Tx } from '../../bus/service.ts';
import { Phone } from '../../contracts/common.ts';
import { inbox } from '../../contracts/inbox.ts';
import { hearPhones } from '../../media/russian/hear.ts';
import { asksForPerson } from './claims/handover-words.ts';
import { type HeardDictation, hearDictation } from './dictation.ts';
import type { Pressed } from './facts.ts';
import { isBehind, isWhole } from './gathering.ts';
import { messageIdPrefix } from './ids.ts';
import { tokenPrefix } from './options.ts';
import { type ChoicePayload, findChoice } from './rows/proposals.ts';
import { type Input, openInputs, type Session } from './rows/sessions.ts';
import { cut } from './said.ts';
import type { DialogSettings } from './settings.ts';
import { type Chat, type ChatMessage, gone, type Said } from './turn-parts.ts';

/** An event takes less, mostly. */
const lookAgainMs = 250;

interface Press {
  readonly inputId: string;
  readonly title: string;
  /** Null for an option that this session was not given, or that is too old. */
  readonly payload: ChoicePayload | null;
  /** The turn that offered the option. */
  readonly turnId: string | null;
}
export interface Heard {
  readonly said: readonly { readonly text: string; readonly messageId: string; readonly isDecision: boolean }[];
  readonly presses: readonly Press[];
  readonly seen: readonly string[];
  /** Other sessions, to which options that were pressed belong. */
  readonly elsewhere: readonly string[];
  /** Messages without words, which no model can read. */
  readonly unread: { readonly voice: boolean; readonly other: boolean };
  /** The last message of the customer, which the reply answers. */
  readonly answers: string | null;
  readonly person: Partial<Session>;
  /** What a caller said of a phone that they dictate. */
  readonly dictation: HeardDictation | null;
}

export async function hear(
  {
    session,
    said,
    chat,
    inputs,
    db,
  }: {
    readonly session: Session;
    readonly said: Said | null;
    readonly chat: Chat | null;
    readonly inputs: readonly Input[];
    readonly db: Database;
  },
  context: Pick<Context, 'call' | 'key'>,
): Promise<Heard> {
  const heard: { text: string; messageId: string; isDecision: boolean }[] = [];
  const presses: Press[] = [];
  const seen: string[] = [];
  const elsewhere = new Set<string>();
  const unread = { voice: false, other: false };
  let answers: string | null = null;
  let person: Partial<Session> = {};
  let dictation: HeardDictation | null = null;
  const press = async (inputId: string, token: string) => {
    const found = await findChoice(db, token);
    if (found !== null && found.sessionId !== session.sessionId) elsewhere.add(found.sessionId);
    const choice = found?.sessionId === session.sessionId ? found : null;
    presses.push({ inputId, title: choice?.title ?? '', payload: choice?.payload ?? null, turnId: choice?.turnId ?? null });
  };
  for (const input of inputs) {
    seen.push(input.inputId);
    if (input.kind === 'staff') continue;
    if (input.kind === 'press') {
      if (input.inputId.startsWith(messageIdPrefix)) answers = input.inputId;
      await press(input.inputId, input.data ?? '');
      continue;
    }
    // After an edit, a reply that was under way is stale: what has none is answered again.
    const messages = input.data === null ? [await messageOf(input.inputId, chat, context)] : unansweredIn(chat);
    for (const message of messages) {
      if (message === null || !isOfCustomer(message) || heard.some(({ messageId }) => messageId === message.messageId)) continue;
      const { messageId } = message;
      answers = messageId;
      person = { ...person, ...personOf(message) };
      const token = tokenIn(message);
      if (token !== null) await press(messageId, token);
      else if (isUnreadable(message)) unread[message.kind === 'voice' ? 'voice' : 'other'] = true;
      else if (textOf(message) !== '') heard.push({ text: textOf(message), messageId, isDecision: false });
    }
  }
  if (said !== null) {
    seen.push(context.key);
    if (said.choice !== null) await press(context.key, said.choice);
    if (said.text !== null) {
      dictation = said.isSpoken ? await hearDictation(session, said.text, db) : null;
      heard.push({ text: cut(dictation?.text ?? hearPhones(said.text), 4096), messageId: context.key.slice(0, 64), isDecision: false });
    }
    person = {
      ...person,
      ...(said.name === null ? {} : { name: said.name }),
    };
    // What the customer dictated replaces the number that they call from.
    if (said.phoneNumber !== null && session.phoneProof !== 'proved' && session.memory.dictation?.isWhole !== true)
      person = { ...person, phone: said.phoneNumber, phoneProof: 'claimed' };
  }
  const language = said?.language ?? heard.flatMap(({ text }) => languageIn(text) ?? []).at(-1);
  if (language != null) person = { ...person, language };
  const stated = heard.flatMap(({ text }) => phoneIn(text) ?? []).at(-1);
  if (stated !== undefined && session.phoneProof !== 'proved' && person.phoneProof !== 'proved')
    person = { ...person, phone: stated, phoneProof: 'claimed' };
  return { said: heard, presses, seen, elsewhere: [...elsewhere], unread, answers, person, dictation };
}

export function pressedOf(presses: Heard['presses']): {
  readonly pressed: (Pressed & { readonly title: string }) | null;
  readonly more: Extract<ChoicePayload, { is: 'more' }> | null;
  readonly isForged: boolean;
} {
  let pressed: (Pressed & { readonly title: string }) | null = null;
  let more: Extract<ChoicePayload, { is: 'more' }> | null = null;
  for (const { payload, title } of presses) {
    if (payload === null) continue;
    if (payload.is === 'more') more = payload;
    else if ('ref' in payload) pressed = { kind: payload.is, ref: payload.ref, title };
  }
  return { pressed, more: pressed === null ? more : null, isForged: presses.some(({ payload }) => payload === null) };
}

/** When the rest of a fragment has had its time; null if there is nothing to wait for. A reply to an offer or a question is no fragment. */
export function fragmentEnds(
  session: Session,
  { said, presses }: Heard,
  inputs: readonly Input[],
  { DIALOG_FRAGMENT_MS, DIALOG_GATHER_MS }: DialogSettings,
  now: number,
): Date | null {
  const last = said.at(-1);
  const isReply = session.state === 'BOOKING' || session.state === 'CONFIRMING';
  if (last === undefined || presses.length > 0 || isReply || isWhole(last.text) || asksForPerson(last.text)) return null;
  const came = inputs.find(({ inputId }) => inputId === last.messageId)?.receivedAt.getTime() ?? 0;
  const ends = came + DIALOG_FRAGMENT_MS;
  return DIALOG_GATHER_MS < DIALOG_FRAGMENT_MS && ends > now ? new Date(ends) : null;
}

/** When to look again for inputs that are still on their way; null if there are none. */
export function restComes({ messages }: Chat, { answers, seen }: Heard, now: number): Date | null {
  const others = messages
    .filter(({ messageId, kind }) => kind !== 'service' && !seen.includes(messageId))
    .map((message) => ({ messageId: message.messageId, sentAt: message.sentAt, isOfCustomer: isOfCustomer(message) }));
  return isBehind(others, answers, now) ? new Date(now + lookAgainMs) : null;
}

async function messageOf(messageId: string, chat: Chat | null, context: Pick<Context, 'call'>): Promise<ChatMessage | null> {
  const known = chat?.messages.find((each) => each.messageId === messageId);
  if (known !== undefined) return known;
  return context.call(inbox.get_message, { messageId }).catch(gone);
}

/** The token of the option that the message chooses. */
function tokenIn({ content }: Pick<ChatMessage, 'content'>): string | null {
  const choice = content.find((part) => part.type === 'choice');
  return choice?.type === 'choice' && choice.id?.startsWith(tokenPrefix) ? choice.id : null;
}

const isOfCustomer = ({ direction, sender, removedAt }: ChatMessage): boolean =>
  direction === 'in' && sender?.isStaff !== true && sender?.isBot !== true && removedAt === null;

const isUnreadable = ({ text, content }: Pick<ChatMessage, 'text' | 'content'>): boolean =>
  text.trim() === '' && content.length > 0 && content.every(({ type }) => type === 'file' || type === 'sticker');

/** Messages that no message of ours follows. */
function unansweredIn(chat: Chat | null): readonly ChatMessage[] {
  const all = chat?.messages ?? [];
  return all.slice(all.findLastIndex(({ direction }) => direction === 'out') + 1);
}

/** Text, or one line for each part of other content; a phone that is spelled out in words is in digits. */
export function textOf({ text, content }: Pick<ChatMessage, 'text' | 'content'>): string {
  return cut(hearPhones(text.trim() === '' ? content.map(({ line }) => line).join('; ') : text), 4096);
}

function personOf({ content, sender }: ChatMessage): Partial<Session> {
  const [number] = content.flatMap((part) => (part.type === 'contact' && part.isOwn ? part.phoneNumbers : []));
  const own = Phone.safeParse(number);
  const name = sender?.name.trim();
  return {
    ...(sender === null ? {} : { customerId: sender.customerId }),
    ...(name ? { name: cut(name, 100) } : {}),
    ...(own.success ? { phone: own.data, phoneProof: 'proved' as const } : {}),
  };
}

/** Null for a text in neither language, and for a single Latin word: a name, or `ok`. */
function languageIn(text: string): Session['language'] | null {
  if (/\p{Script=Cyrillic}/u.test(text)) return 'ru';
  return (text.match(/[a-z]{2,}/giu) ?? []).length > 1 ? 'en' : null;
}

/** A phone that the customer writes is claimed. */
function phoneIn(text: string): string | null {
  const [found] = /(?<!\d)(?:\+\d[\d\s().-]{8,17}\d|[78][\s(-]*\d{3}[\s)-]*\d{3}[\s-]*\d{2}[\s-]*\d{2})(?!\d)/.exec(text) ?? [];
  return Phone.safeParse(found).data ?? null;
}

export async function saidSince(db: Database, context: Context, sessionId: string, seen: readonly string[], isChat: boolean) {
  if (!isChat) return [];
  const fresh = (await openInputs(db, sessionId))
    .filter(({ inputId, kind }) => kind === 'text' && !seen.includes(inputId))
    .filter(({ data }) => data === null || seen.includes(data));
  const found = await Promise.all(
    fresh.map(async ({ inputId, data }) => ({ inputId, message: await messageOf(data ?? inputId, null, context) })),
  );
  // A press, and what has no words, gets a turn of its own.
  return found.flatMap(({ inputId, message }) =>
    message === null || message.removedAt !== null || tokenIn(message) !== null || isUnreadable(message)
      ? []
      : [{ inputId, text: textOf(message) }],
  );
}

/** Presses that came during the turn: they have a turn of their own, and outdate no reply. Unless the customer wrote as well. */
export async function pressesSince(tx: Tx, sessionId: string): Promise<readonly string[]> {
  const open = await openInputs(tx, sessionId);
  return open.every(({ kind }) => kind === 'press') ? open.map(({ inputId }) => inputId) : [];
}
