/** Answers everything that a customer said since the last turn, in one commit. */
import { shortened } from '../../adapters/channel/options.ts';
import type { ModelMessage, Offer } from '../../adapters/llm/port.ts';
import { hashOf, newId, parsed } from '../../bus/durable/identity.ts';
import type { Context, Database, Handler, Log, Tx } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { booking } from '../../contracts/booking.ts';
import { calls } from '../../contracts/calls.ts';
import { normalizePhone } from '../../contracts/common.ts';
import { dialog } from '../../contracts/dialog.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { InputOf, OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { Counting } from '../../contracts/kit/metric.ts';
import { messages } from '../../contracts/messages.ts';
import { answerIn } from './claims/agreement.ts';
import { asksForPerson } from './claims/handover-words.ts';
import type { Company } from './company.ts';
import { confirm, methods, outcomeOf, type Settled } from './decide.ts';
import { opensNext, type Pressed } from './facts.ts';
import { isWhole } from './gathering.ts';
import { turnIdOf } from './ids.ts';
import { intentOf } from './intents.ts';
import { toolCallsTotal, turnSeconds, turnsTotal } from './metrics.ts';
import { choicesOf, type Option, proposalOptions, slotOptions, tokenPrefix } from './options.ts';
import type { Prompts } from './prompts.ts';
import {
  bookingsOf,
  type ChoicePayload,
  findChoice,
  insertChoices,
  insertProposal,
  lockPhone,
  markProposal,
  type Proposal,
  pendingProposals,
  proposalById,
  shownProposal,
} from './rows/proposals.ts';
import { closeInputs, findSession, type Input, noMemory, openInputs, putSession, type Session } from './rows/sessions.ts';
import { insertTurn, latestTurns } from './rows/turns.ts';
import type { Rules } from './rules.ts';
import { cut, whenText } from './said.ts';
import type { DialogSettings } from './settings.ts';
import { moved } from './states.ts';
import type { Streams } from './streams.ts';
import type { Ask } from './tools/tool.ts';
import { type KeptAnswer, runTurn, type TurnEnd, type TurnRequest } from './turn.ts';
import { turnDue } from './turn-due.ts';
import { words } from './words.ts';

export interface DialogParts {
  readonly db: Database;
  readonly settings: DialogSettings;
  readonly company: (call: Context['call']) => Promise<Company>;
  readonly prompts: Prompts;
  readonly rules: Rules;
  readonly metrics: Counting;
  readonly log: Log;
  readonly now: () => number;
  /** Streams of this process that hear what the turn does. */
  readonly listeners: Pick<Streams, 'onTool' | 'onStep'>;
}
type Chat = OutputOf<typeof inbox.chat_context>;
type ChatMessage = Chat['messages'][number];
type Answer = OutputOf<typeof dialog.take_turn>;
type Said = NonNullable<ParsedOf<typeof dialog.take_turn>['said']>;

/** The latest messages and turns that the model reads. */
const remembered = { messages: 30, turns: 12 } as const;
/** Ids of messages and of their changes sort by the order of storing. */
const messageIdPrefix = 'msg_';
/** In UTF-16 units. */
const longestTexts = { alone: 4096, withOptions: 1024 } as const;
const choiceLifeMs = 7 * 86_400_000;
const dayMs = 86_400_000;

export function takeTurn(parts: DialogParts): Handler<typeof dialog.take_turn> {
  const { db, settings, now, log } = parts;
  return async ({ sessionId, said }, context) => {
    const startedAt = new Date(now());
    const turnId = turnIdOf(context.key);
    const stored = await findSession(db, sessionId);
    const chat =
      said === null && stored?.chatId !== null
        ? await context.call(inbox.chat_context, { chatId: sessionId, limit: remembered.messages }).catch(gone)
        : null;
    if (said === null && chat === null && stored === null) return silence(sessionId, null);
    const before = renewed(stored, { sessionId, said, chat, startedAt, settings });
    const company = await parts.company(context.call);
    const inputs = await openInputs(db, sessionId);
    const heard = await hear({ session: before, said, chat, inputs, db }, context);
    const session = await identified({ ...before, ...heard.person }, chat, parts, context);
    const pending = await pendingProposals(db, sessionId);
    const resumesAt = chat === null ? null : fragmentEnds(session, heard, inputs, settings, now());
    if (resumesAt !== null)
      return context.commit(async (tx) => {
        turnDue(tx, sessionId, derivedKey(turnId, 'rest'), resumesAt);
        return silence(session.externalId, session);
      });
    const isSilent = isSilentIn(session, chat, settings);
    const isUnread = heard.unread.voice || heard.unread.other;
    if (heard.said.length === 0 && heard.presses.length === 0 && !isUnread && pending.every(({ state }) => state === 'open'))
      return context.commit(async (tx) => {
        await closeInputs(
          tx,
          inputs.map(({ inputId }) => inputId),
          turnId,
        );
        return silence(session.externalId, session);
      });

    const settledNow = await decisions({ session, heard, pending }, parts, context);
    const open =
      pending.find(({ proposalId, state }) => state === 'open' && !settledNow.some(({ proposal }) => proposal.proposalId === proposalId)) ??
      null;
    let current = afterDecisions(session, settledNow, parts);
    const { pressed, more, isForged } = pressedOf(heard.presses);
    const texts = heard.said.filter(({ isDecision }) => !isDecision).map(({ text }) => text);
    const asks: Ask[] = [];
    let end: TurnEnd | null = null;
    const ours: string[] = [];
    if (isForged && !isSilent) ours.push(words[current.language].goneButton);
    if (heard.unread.voice && !isSilent) ours.push(words[current.language].cannotListen);
    if (heard.unread.other && !isSilent && texts.length === 0 && !(await wasSaid(words[current.language].cannotSee, db, sessionId)))
      ours.push(words[current.language].cannotSee);
    const overBudget = current.turns >= settings.DIALOG_MAX_TURNS || current.tokens >= settings.DIALOG_MAX_TOKENS;
    if (!isSilent && more === null && (texts.length > 0 || pressed !== null)) {
      if (texts.some(asksForPerson)) asks.push({ is: 'hand_over', reason: 'the customer asked for a person', summary: texts.at(-1) ?? '' });
      else if (overBudget) asks.push({ is: 'hand_over', reason: 'the session is too long', summary: '' });
      else {
        end = await runTurn(
          {
            ...{ turnId, session: current, history: await historyOf(current, chat, heard, db), open, pressed },
            said: [...texts, ...(pressed === null ? [] : [pressed.title])],
            seen: heard.seen,
          },
          {
            nextAnswer: (step, seen, request) => nextAnswer(context, turnId, step, seen, request),
            saidSince: (seen) => saidSince(db, context, sessionId, seen, chat !== null),
            toolContext: ({ session: of, memory, key }) => ({
              ...{ session: of, memory, company, settings, call: context.call, key, now: now() },
              bookings: (phone) => bookingsOf(db, { phone, sessionId, since: new Date(now() - dayMs) }),
            }),
            onTool: (name) => parts.listeners.onTool(turnId, name),
            onStep: (mayBeSaid) => parts.listeners.onStep(turnId, mayBeSaid),
            ...{ rules: parts.rules, prompts: parts.prompts, company, settings, now },
          },
        );
        current = end.session;
        asks.push(...end.asks);
        if (chat?.chat.canRequestContact === false && asks.some(({ is }) => is === 'prove_phone'))
          asks.push({ is: 'hand_over', reason: 'this chat cannot prove the phone of the customer', summary: end.said.at(-1) ?? '' });
      }
    }
    for (const trouble of settledNow.flatMap(({ trouble }) => trouble ?? []))
      if (!asks.some(({ is }) => is === 'hand_over'))
        asks.push({ is: 'hand_over', reason: cut(`booking failed: ${trouble}`, 200), summary: '' });

    return context.commit(async (tx) => {
      const reply = await replyOf({
        tx,
        parts,
        company,
        turnId,
        session: current,
        settledNow,
        ours,
        end,
        asks,
        more,
        pending,
        canProve: chat !== null,
      });
      const decided = heard.presses.filter(({ payload }) => payload?.is === 'confirm' || payload?.is === 'decline');
      const answered = [...(end?.said ?? heard.said.map(({ text }) => text)), ...decided.map(({ title }) => title)];
      const seen = [...new Set([...heard.seen, ...(end?.seen ?? [])])];
      const done: Session = {
        ...reply.session,
        turns: current.turns + 1,
        activeAt: new Date(now()),
        handedOverAt: reply.handOver === null ? current.handedOverAt : new Date(now()),
      };
      await putSession(tx, done);
      await closeInputs(tx, [...inputs.map(({ inputId }) => inputId), ...seen], turnId);
      const text = [...reply.receipts, ...(reply.text === null ? [] : [reply.text])].join('\n\n') || null;
      const replyBy = reply.asksForPhone ? 'ours' : (end?.replyBy ?? (text === null ? 'none' : 'ours'));
      const row = {
        ...{
          turnId,
          sessionId,
          said: answered,
          reply: text === null ? null : cut(text, 4096),
          replyBy: text === null ? ('none' as const) : replyBy,
        },
        ...{
          before: before.state,
          state: done.state,
          intent: end === null && texts.some(asksForPerson) ? 'human' : intentOf(end?.tools ?? null),
          model: end?.model ?? null,
          promptHash: end?.promptHash ?? null,
        },
        ...{ steps: end?.steps ?? [], findings: end?.findings ?? [], startedAt, ms: Math.max(0, now() - startedAt.getTime()) },
      };
      await insertTurn(tx, row, end?.tools ?? []);
      for (const each of settledNow) {
        const toldAt = each.state !== 'unknown' && each.text !== null ? new Date(now()) : null;
        await markProposal(tx, each.proposal.proposalId, { state: each.state, evidence: each.evidence ?? null, toldAt });
      }
      if (chat !== null) {
        const news = end?.seen.filter((inputId) => inputId.startsWith(messageIdPrefix) && !heard.seen.includes(inputId)) ?? [];
        const answers = news.at(-1) ?? heard.answers;
        send(tx, {
          turnId,
          chat,
          seen: [...seen, ...(await pressesSince(tx, sessionId))],
          answers,
          session: done,
          settledNow,
          reply,
          settings,
        });
      }
      if (reply.handOver !== null) handOverLater(tx, done, reply.handOver, turnId, chat);
      tx.emit(dialog.turn_completed, {
        ...{
          turnId,
          sessionId,
          chatId: done.chatId,
          state: done.state,
          intent: row.intent,
          model: row.model,
          at: new Date(now()).toISOString(),
        },
      });
      tx.count(turnsTotal, { reply: row.replyBy });
      for (const tool of end?.tools ?? [])
        tx.count(toolCallsTotal, { tool: tool.policy === null ? 'unknown' : tool.name, outcome: tool.outcome });
      parts.metrics.observe(turnSeconds, {}, row.ms / 1000);
      if (end !== null && end.findings.length > 0)
        log.info({ turn: turnId, findings: end.findings.map(({ kind }) => kind) }, 'the model claimed what nothing supports');
      return {
        ...{ sessionId: done.externalId, turnId, reply: row.reply, state: done.state, intent: row.intent },
        proposals: reply.proposals,
        choices: reply.choices.map(({ token, title }) => ({ id: token, title })),
        isHandedOver: done.handedOverAt !== null,
      };
    });
  };
}

function gone(error: unknown): null {
  if (isPolybError(error) && error.code === 'not_found') return null;
  throw error;
}
function silence(sessionId: string, session: Session | null): Answer {
  const state = session?.state ?? 'GREETING';
  return {
    sessionId,
    turnId: null,
    reply: null,
    state,
    intent: null,
    proposals: [],
    choices: [],
    isHandedOver: session?.handedOverAt != null,
  };
}

/** The session as it continues, or begins anew after a long silence. */
function renewed(
  stored: Session | null,
  of: {
    readonly sessionId: string;
    readonly said: Said | null;
    readonly chat: Chat | null;
    readonly startedAt: Date;
    readonly settings: DialogSettings;
  },
): Session {
  const { sessionId, said, chat, startedAt, settings } = of;
  const isOver =
    stored !== null && (stored.endedAt !== null || startedAt.getTime() - stored.activeAt.getTime() > settings.DIALOG_SESSION_MS);
  if (stored !== null && !isOver) return stored;
  const fresh = {
    ...{
      state: moved(stored?.state ?? 'GREETING', 'idled') ?? ('GREETING' as const),
      memory: { ...noMemory, clientId: stored?.memory.clientId ?? null, named: stored?.memory.named ?? 0 },
    },
    ...{ turns: 0, tokens: 0, handedOverAt: null, startedAt, activeAt: startedAt, endedAt: null },
  };
  if (stored !== null) return { ...stored, ...fresh };
  return {
    ...{
      sessionId,
      externalId: said?.externalId ?? sessionId,
      chatId: chat === null ? null : chat.chat.chatId,
      channel: chat?.chat.channel ?? null,
    },
    ...{
      customerId: null,
      mode: null,
      language: said?.language ?? settings.DIALOG_LANGUAGE,
      name: said?.name ?? null,
      phone: null,
      phoneProof: 'none' as const,
    },
    ...fresh,
  };
}

interface Heard {
  readonly said: readonly { readonly text: string; readonly messageId: string; readonly isDecision: boolean }[];
  readonly presses: readonly { readonly inputId: string; readonly title: string; readonly payload: ChoicePayload | null }[];
  readonly seen: readonly string[];
  /** Messages without words, which no model can read. */
  readonly unread: { readonly voice: boolean; readonly other: boolean };
  /** The last message of the customer, which the reply answers. */
  readonly answers: string | null;
  readonly person: Partial<Session>;
}
async function hear(
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
  context: Context,
): Promise<Heard> {
  const heard: { text: string; messageId: string; isDecision: boolean }[] = [];
  const presses: { inputId: string; title: string; payload: ChoicePayload | null }[] = [];
  const seen: string[] = [];
  const unread = { voice: false, other: false };
  let answers: string | null = null;
  let person: Partial<Session> = {};
  const press = async (inputId: string, token: string) => {
    const choice = await findChoice(db, session.sessionId, token);
    presses.push({ inputId, title: choice?.title ?? '', payload: choice?.payload ?? null });
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
    if (said.text !== null) heard.push({ text: said.text, messageId: context.key.slice(0, 64), isDecision: false });
    person = {
      ...person,
      ...(said.name === null ? {} : { name: said.name }),
      ...(said.language === null ? {} : { language: said.language }),
    };
    if (said.phoneNumber !== null && session.phoneProof !== 'proved')
      person = { ...person, phone: said.phoneNumber, phoneProof: 'claimed' };
  }
  const stated = heard.flatMap(({ text }) => phoneIn(text) ?? []).at(-1);
  if (stated !== undefined && session.phoneProof !== 'proved' && person.phoneProof !== 'proved')
    person = { ...person, phone: stated, phoneProof: 'claimed' };
  return { said: heard, presses, seen, unread, answers, person };
}
async function messageOf(messageId: string, chat: Chat | null, context: Context): Promise<ChatMessage | null> {
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
async function wasSaid(text: string, db: Database, sessionId: string): Promise<boolean> {
  return (await latestTurns(db, sessionId, 1))[0]?.reply === text;
}
/** Text, or one line for each part of other content. */
function textOf({ text, content }: Pick<ChatMessage, 'text' | 'content'>): string {
  return cut(text.trim() === '' ? content.map(({ line }) => line).join('; ') : text, 4096);
}
function personOf({ content, sender }: ChatMessage): Partial<Session> {
  const own = content.flatMap((part) => (part.type === 'contact' && part.isOwn ? part.phoneNumbers : [])).map(normalizePhone)[0];
  const name = sender?.name.trim();
  return {
    ...(sender === null ? {} : { customerId: sender.customerId }),
    ...(name ? { name: cut(name, 100) } : {}),
    ...(own === undefined || !/^\+[1-9]\d{6,14}$/.test(own) ? {} : { phone: own, phoneProof: 'proved' as const }),
  };
}
/** A phone that the customer writes is claimed. */
function phoneIn(text: string): string | null {
  const [found] = /(?<!\d)(?:\+\d[\d\s().-]{8,17}\d|[78][\s(-]*\d{3}[\s)-]*\d{3}[\s-]*\d{2}[\s-]*\d{2})(?!\d)/.exec(text) ?? [];
  const phone = found === undefined ? '' : normalizePhone(found);
  return /^\+[1-9]\d{6,14}$/.test(phone) ? phone : null;
}

/** When the rest of a fragment has had its time; null if there is nothing to wait for. A reply to an offer or a question is no fragment. */
function fragmentEnds(
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

/** With the phone that the channel proves, and the client of the booking system that has it. */
async function identified(session: Session, chat: Chat | null, { settings }: DialogParts, { call }: Context): Promise<Session> {
  // The chat is back with the agent.
  let known = chat?.chat.owner === 'bot' ? { ...session, handedOverAt: null } : session;
  if (chat !== null && known.phoneProof !== 'proved' && known.customerId !== null) {
    const client = await call(inbox.get_client, { customerId: known.customerId }).catch(gone);
    if (client?.phoneNumber != null)
      known = {
        ...known,
        phone: client.isPhoneProved ? client.phoneNumber : (known.phone ?? client.phoneNumber),
        phoneProof: client.isPhoneProved ? 'proved' : 'claimed',
      };
    if (known.name === null && client !== null && client.name.trim() !== '') known = { ...known, name: cut(client.name, 100) };
  }
  if (known.phoneProof !== 'proved' || known.phone === null || known.memory.clientId !== null) return known;
  const found = await call(booking.find_client, { connection: settings.DIALOG_CONNECTION, phoneNumber: known.phone }).catch(() => null);
  const [client, other] = found?.clients ?? [];
  if (client === undefined || other !== undefined || found?.isAmbiguous) return known;
  return { ...known, name: client.name ?? known.name, memory: { ...known.memory, clientId: client.clientId } };
}

function isSilentIn(session: Session, chat: Chat | null, settings: DialogSettings): boolean {
  const mode = session.mode ?? (chat === null ? 'auto' : settings.DIALOG_MODE);
  if (mode === 'off') return true;
  return chat === null ? session.handedOverAt !== null : chat.chat.owner !== 'bot' || chat.chat.kind !== 'private';
}

/** What presses and short agreements decide, and what became known of earlier decisions. */
async function decisions(
  { session, heard, pending }: { readonly session: Session; readonly heard: Heard; readonly pending: readonly Proposal[] },
  parts: DialogParts,
  context: Context,
): Promise<readonly Settled[]> {
  const settled = new Map<string, Settled>();
  const known = async (proposalId: string): Promise<Proposal | null> => {
    const here = pending.find((each) => each.proposalId === proposalId);
    if (here !== undefined) return here;
    const past = await proposalById(parts.db, proposalId);
    return past?.sessionId === session.sessionId ? past : null;
  };
  for (const { payload, inputId } of heard.presses) {
    if (payload === null || (payload.is !== 'confirm' && payload.is !== 'decline')) continue;
    const proposal = await known(payload.proposalId);
    if (proposal === null || settled.has(proposal.proposalId)) continue;
    settled.set(
      proposal.proposalId,
      payload.is === 'confirm'
        ? await confirm(proposal, payload.hash, { kind: 'press', id: inputId.slice(0, 255) }, context, session.language)
        : declined(proposal, session),
    );
  }
  // Words decide only about the one open proposal that was the last thing we said.
  const open = pending.filter(({ state }) => state === 'open');
  const [only, other] = open;
  const [word] = heard.said;
  if (
    only !== undefined &&
    other === undefined &&
    session.state === 'CONFIRMING' &&
    heard.said.length === 1 &&
    word !== undefined &&
    settled.size === 0 &&
    (await latestTurns(parts.db, session.sessionId, 1))[0]?.turnId === only.turnId
  ) {
    const meant = answerIn(word.text, only.what);
    if (meant === 'agreement')
      settled.set(only.proposalId, await confirm(only, null, { kind: 'message', id: word.messageId }, context, session.language));
    if (meant === 'refusal') settled.set(only.proposalId, declined(only, session));
    if (meant !== null) (word as { isDecision: boolean }).isDecision = true;
  }
  for (const proposal of pending)
    if (proposal.state !== 'open' && !settled.has(proposal.proposalId)) {
      const outcome = await outcomeOf(proposal, context, session.language, 2_000);
      if (outcome.state !== 'unknown') settled.set(proposal.proposalId, outcome);
    }
  return [...settled.values()];
}
function declined(proposal: Proposal, session: Session): Settled {
  if (proposal.state !== 'open') return { proposal, state: proposal.state, text: words[session.language].goneProposal, isReceipt: false };
  return { proposal, state: 'declined', text: words[session.language].declined, isReceipt: false };
}

function afterDecisions(session: Session, settledNow: readonly Settled[], { log }: DialogParts): Session {
  let current = session;
  for (const { state, deed, slots, made } of settledNow) {
    const event = state === 'done' ? 'confirmed' : state === 'declined' ? 'declined' : state === 'failed' ? 'failed' : null;
    if (event === null) continue;
    const next = moved(current.state, event);
    if (next === null)
      log.warn({ session: current.sessionId, state: current.state, event }, 'a move that the table of states does not contain was refused');
    const offered = (slots ?? []).map((slot, n) => ({
      ...{
        slot: `s${current.memory.named + n + 1}`,
        slotId: slot.slotId,
        employee: slot.employeeName,
        start: slot.start,
        price: slot.price,
      },
      services: settledNow.find((each) => each.slots === slots)?.proposal.details.services ?? [],
    }));
    current = {
      ...current,
      state: next ?? current.state,
      memory: {
        ...current.memory,
        deeds: deed === undefined || current.memory.deeds.includes(deed) ? current.memory.deeds : [...current.memory.deeds, deed],
        offered: state === 'declined' ? current.memory.offered : offered,
        named: current.memory.named + offered.length,
        made: [...(current.memory.made ?? []), ...(made === undefined ? [] : [made])],
        appointments: state === 'done' ? null : current.memory.appointments,
      },
    };
  }
  return current;
}

function pressedOf(presses: Heard['presses']): {
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

/** Earlier lines: of a chat as they really went out and came in, else of the turns. */
async function historyOf(session: Session, chat: Chat | null, heard: Heard, db: Database): Promise<readonly ModelMessage[]> {
  if (chat !== null)
    return chat.messages
      .filter(
        ({ messageId, sentAt, removedAt, kind }) =>
          !heard.seen.includes(messageId) &&
          removedAt === null &&
          kind !== 'service' &&
          Date.parse(sentAt) >= session.startedAt.getTime() - 60_000,
      )
      .map(
        (message): ModelMessage => ({
          role: message.direction === 'out' || message.sender?.isStaff ? 'assistant' : 'user',
          text: textOf(message),
        }),
      )
      .filter(({ text }) => text !== '');
  const turns = await latestTurns(db, session.sessionId, remembered.turns, session.startedAt);
  return turns.flatMap(({ said, reply }): ModelMessage[] => [
    ...said.map((text) => ({ role: 'user' as const, text })),
    ...(reply === null ? [] : [{ role: 'assistant' as const, text: reply }]),
  ]);
}

async function nextAnswer(
  { call }: Context,
  turnId: string,
  step: number,
  seen: readonly string[],
  request: TurnRequest,
): Promise<KeptAnswer> {
  const input = { turnId, step, seen: [...seen], request } as InputOf<typeof dialog.next_answer>;
  return (await call(dialog.next_answer, input, { key: `${turnId}:${step}` })) as KeptAnswer;
}
async function saidSince(db: Database, context: Context, sessionId: string, seen: readonly string[], isChat: boolean) {
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
async function pressesSince(tx: Tx, sessionId: string): Promise<readonly string[]> {
  const open = await openInputs(tx, sessionId);
  return open.every(({ kind }) => kind === 'press') ? open.map(({ inputId }) => inputId) : [];
}

interface Replying {
  readonly tx: Tx;
  readonly parts: DialogParts;
  readonly company: Company;
  readonly turnId: string;
  readonly session: Session;
  readonly settledNow: readonly Settled[];
  readonly ours: readonly string[];
  readonly end: TurnEnd | null;
  readonly asks: readonly Ask[];
  readonly more: Extract<ChoicePayload, { is: 'more' }> | null;
  readonly pending: readonly Proposal[];
  /** The conversation is a chat with a button that proves the phone. */
  readonly canProve: boolean;
}
interface Reply {
  readonly session: Session;
  /** What was done; never stale. */
  readonly receipts: readonly string[];
  readonly text: string | null;
  readonly choices: readonly { readonly token: string; readonly title: string }[];
  readonly shown: ReturnType<typeof choicesOf>['shown'];
  readonly asksForPhone: boolean;
  readonly proposals: Answer['proposals'];
  readonly handOver: Extract<Ask, { is: 'hand_over' }> | null;
}
async function replyOf(of: Replying): Promise<Reply> {
  const { tx, parts, company, turnId, settledNow, end, asks, more, pending } = of;
  const { now } = parts;
  const said = words[of.session.language];
  const receipts = settledNow.flatMap(({ text, isReceipt }) => (isReceipt && text !== null ? [text] : []));
  const lines = [...settledNow.flatMap(({ text, isReceipt }) => (!isReceipt && text !== null ? [text] : [])), ...of.ours];
  const wanted = asks.find((ask) => ask.is === 'propose');
  const propose = wanted !== undefined && (await mayPropose(of, wanted)) ? wanted : undefined;
  const isRefused = wanted !== undefined && propose === undefined;
  const handOver = isRefused ? tooManyBookings : (asks.find((ask) => ask.is === 'hand_over') ?? null);
  const session = isRefused ? { ...of.session, state: moved(of.session.state, 'declined') ?? of.session.state } : of.session;
  const callBack = asks.find((ask) => ask.is === 'call_back');
  const asksForPhone = asks.some(({ is }) => is === 'prove_phone');
  const offered = asks.findLast((ask) => ask.is === 'offer_slots');
  const busy = settledNow.some(({ slots }) => slots !== undefined && slots.length > 0);
  let options: readonly Option[] = [];
  const proposals: Answer['proposals'] = [];
  if (more !== null) {
    lines.push(said.slots);
    options = more.options;
  }
  if (callBack !== undefined) {
    tx.send(calls.start_call, callBack.input, { key: derivedKey(turnId, 'call'), approval: parts.rules.approval.staff });
    lines.push(said.callRequested);
  }
  if (propose !== undefined) {
    const made = proposed(of, propose);
    // A later proposal outdates the earlier ones.
    for (const old of pending.filter(
      (each) => each.state === 'open' && !settledNow.some(({ proposal }) => proposal.proposalId === each.proposalId),
    )) {
      tx.outdate(methods[old.what], [old.key], 'A later proposal replaces it.');
      await markProposal(tx, old.proposalId, { state: 'outdated' });
    }
    await insertProposal(tx, made);
    if (end?.text != null) lines.push(end.text);
    lines.push(made.text);
    options = proposalOptions(made, session.language);
    proposals.push(shownProposal(made));
  } else if (handOver === null) {
    if (asksForPhone) lines.push(of.canProve ? said.provePhone : said.cannotProve);
    else if (end?.text != null) lines.push(end.text);
    else if (offered !== undefined) lines.push(said.slots);
    if (offered !== undefined) options = slotOptions(offered.slots, session.language);
    else if (busy) options = slotOptions(session.memory.offered, session.language);
    else if (end?.offer != null && options.length === 0) options = offerOptions(end.offer);
  } else {
    const opens = opensNext(company, now(), session.language);
    lines.push(opens === null ? said.handedOver : said.handedOverClosed(opens));
  }
  for (const { proposal, state } of settledNow)
    if (state === 'declined') tx.outdate(methods[proposal.what], [proposal.key], 'The customer declined it.');
  const { choices, shown } = choicesOf(options, session.language);
  await insertChoices(tx, { sessionId: session.sessionId, turnId, expiresAt: new Date(now() + choiceLifeMs) }, choices);
  const text = fittedLines(lines, end?.text ?? '', choices.length > 0 ? longestTexts.withOptions : longestTexts.alone);
  return { session, receipts, text: text || null, choices, shown, asksForPhone, proposals, handOver };
}
/** Some channels show 1,024 UTF-16 units beside options: the text of the model gives way, ours stays whole. */
function fittedLines(lines: readonly string[], ofModel: string, longest: number): string {
  const excess = lines.join('\n\n').length - longest;
  return lines.map((line) => (excess > 0 && line === ofModel ? shortened(line, Math.max(1, line.length - excess)) : line)).join('\n\n');
}
const tooManyBookings = { is: 'hand_over', reason: 'too many bookings of one phone', summary: '' } as const;
/** Several sessions may state one phone at the same time; its limit holds for all together. */
async function mayPropose(
  { tx, parts: { settings, now }, session: { sessionId } }: Replying,
  { what, phone }: Extract<Ask, { is: 'propose' }>,
): Promise<boolean> {
  if (what !== 'create' || phone === null) return true;
  await lockPhone(tx, phone);
  return (await bookingsOf(tx, { phone, sessionId, since: new Date(now() - dayMs) })) < settings.DIALOG_MAX_BOOKINGS;
}
function offerOptions({ kind, options }: Offer): readonly Option[] {
  return options.slice(0, 30).map(({ ref, title }) => ({ title: cut(title, 64), payload: { is: kind, ref: cut(ref, 64) } }));
}
function proposed(
  { tx, parts, turnId, session }: Replying,
  { what, input, details, ttlMs, phone }: Extract<Ask, { is: 'propose' }>,
): Proposal {
  const method = methods[what];
  const key = derivedKey(turnId, what);
  const checked = parsed(method, input);
  const rowId = tx.send(method as typeof methods.create, checked as InputOf<typeof methods.create>, {
    ...{ key, ttlMs },
    approval: parts.rules.approval.customer,
  });
  const at = parts.now();
  const text = words[session.language].proposal({
    ...{ what, services: details.services, employee: details.employee, when: whenText(details.start, session.language) },
    ...{ from: details.from === undefined ? null : whenText(details.from, session.language), price: details.price, name: details.name },
    phone: details.phone ?? null,
  });
  return {
    ...{
      proposalId: newId('prop', at),
      sessionId: session.sessionId,
      turnId,
      what,
      rowId,
      method: method.address,
      key,
      hash: hashOf(method, checked),
    },
    ...{ input: checked, details, phone, text, state: 'open', evidence: null, toldAt: null },
    ...{ createdAt: new Date(at), expiresAt: new Date(at + ttlMs) },
  };
}

/** Receipts go out as messages of their own, since they are never stale. */
function send(
  tx: Tx,
  of: {
    readonly turnId: string;
    readonly chat: Chat;
    /** Acts that the reply takes into account. */
    readonly seen: readonly string[];
    /** A customer who refused messages gets only an answer to a later message. */
    readonly answers: string | null;
    readonly session: Session;
    readonly settledNow: readonly Settled[];
    readonly reply: Reply;
    readonly settings: DialogSettings;
  },
): void {
  const { turnId, chat, seen, answers, session, settledNow, reply, settings } = of;
  const set = session.mode ?? settings.DIALOG_MODE;
  const mode = set === 'auto' ? ('auto' as const) : ('draft' as const);
  const chatId = chat.chat.chatId;
  for (const { proposal, text, isReceipt, state } of settledNow)
    if (isReceipt && text !== null)
      tx.send(
        messages.send_reply,
        { chatId, text, mode, isReceipt: true },
        { key: derivedKey(state === 'unknown' ? 'checking' : 'receipt', proposal.proposalId) },
      );
  if (reply.text === null || reply.handOver !== null) return;
  const choices =
    reply.asksForPhone && reply.shown === null
      ? { as: 'contact_request' as const, title: words[session.language].sharePhone }
      : reply.shown;
  // Ids of messages sort by the order of storing; the turn may have read later ones than the chat had at its start.
  const knows = [chat.chat.lastActId ?? '', ...seen.filter((inputId) => inputId.startsWith(messageIdPrefix))].sort().at(-1) || null;
  tx.send(
    messages.send_reply,
    {
      ...{ chatId, text: cut(reply.text, 4096), mode },
      ...(choices === null ? {} : { choices }),
      ...(knows === null ? {} : { knows }),
      ...(answers === null ? {} : { answers }),
    },
    { key: derivedKey(turnId, 'reply') },
  );
}
function handOverLater(
  tx: Tx,
  session: Session,
  { reason, summary }: Extract<Ask, { is: 'hand_over' }>,
  turnId: string,
  chat: Chat | null,
): void {
  if (chat !== null) tx.send(dialog.hand_over, { sessionId: session.sessionId, reason, summary }, { key: derivedKey(turnId, 'hand-over') });
  else
    tx.emit(dialog.handed_over, {
      sessionId: session.sessionId,
      chatId: null,
      reason,
      summary: cut(summary, 4096),
      at: new Date().toISOString(),
    });
}
