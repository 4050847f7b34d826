/** Answers everything that a customer said since the last turn, in one commit. */
import type { Context, Handler } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { dialog } from '../../contracts/dialog.ts';
import { inbox } from '../../contracts/inbox.ts';
import type { InputOf } from '../../contracts/kit/define.ts';
import { asksForPerson } from './claims/handover-words.ts';
import { afterDecisions, decisions } from './decisions.ts';
import { replyToPart } from './dictation.ts';
import { fragmentEnds, hear, pressedOf, restComes, saidSince } from './hear.ts';
import { historyOf, wasSaid } from './history.ts';
import { turnIdOf } from './ids.ts';
import { keepTurn } from './keep-turn.ts';
import { bookingsOf, pendingProposals } from './rows/proposals.ts';
import { closeInputs, findSession, mergeConversations, openInputs, type Session } from './rows/sessions.ts';
import { cut } from './said.ts';
import { identified, isOverBudget, isSilentIn, renewed } from './session-of.ts';
import type { Ask } from './tools/tool.ts';
import { type KeptAnswer, runTurn, type TurnEnd, type TurnRequest } from './turn.ts';
import { turnDue } from './turn-due.ts';
import { type Answer, type DialogParts, dayMs, gone, remembered, type Said } from './turn-parts.ts';
import { dictationWords, wordsFor } from './words.ts';

export function takeTurn(parts: DialogParts): Handler<typeof dialog.take_turn> {
  const { db, settings, now } = parts;
  return async ({ sessionId, said }, context) => {
    const startedAt = new Date(now());
    const turnId = turnIdOf(context.key);
    // At once: the lane keeps other turns of this session away.
    const [stored, pending, inputs, company] = await Promise.all([
      findSession(db, sessionId),
      pendingProposals(db, sessionId),
      openInputs(db, sessionId),
      parts.company(context.call),
    ]);
    const chat =
      said === null && stored?.chatId !== null
        ? await context.call(inbox.chat_context, { chatId: sessionId, limit: remembered.messages }).catch(gone)
        : null;
    if (said === null && chat === null && stored === null) return silence(sessionId, null);
    if (chat !== null && chat.chat.chatId !== sessionId) return merged([sessionId], chat.chat.chatId, turnId, context);
    const before = renewed(stored, { sessionId, said, chat, startedAt, settings });
    const heard = await hear({ session: before, said, chat, inputs, db }, context);
    const former = chat === null ? [] : await formerChats(heard.elsewhere, sessionId, context);
    if (former.length > 0) return merged(former, sessionId, turnId, context);
    const known = await identified({ ...before, ...heard.person }, chat, parts, context);
    const session = heard.dictation === null ? known : { ...known, memory: { ...known.memory, dictation: heard.dictation.kept } };
    const resumesAt = chat === null ? null : (fragmentEnds(session, heard, inputs, settings, now()) ?? restComes(chat, heard, now()));
    if (resumesAt !== null)
      return context.commit(async (tx) => {
        turnDue(tx, sessionId, derivedKey(turnId, 'rest'), resumesAt);
        return silence(session.externalId, session);
      });
    const isSilent = isSilentIn(session, chat, settings);
    const isUnread = heard.unread.voice || heard.unread.other;
    const spoken = said?.calls ?? null;
    const isQuiet = spoken === null || spoken.toolCalls.length === 0;
    if (heard.said.length === 0 && heard.presses.length === 0 && isQuiet && !isUnread && pending.every(({ state }) => state === 'open'))
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
    if (isForged && !isSilent) ours.push(wordsFor(current).goneButton);
    if (heard.unread.voice && !isSilent) ours.push(wordsFor(current).cannotListen);
    if (heard.unread.other && !isSilent && texts.length === 0 && !(await wasSaid(wordsFor(current).cannotSee, db, sessionId)))
      ours.push(wordsFor(current).cannotSee);
    const part = heard.dictation === null ? null : replyToPart(heard.dictation, dictationWords[current.language]);
    if (!isSilent && more === null && (spoken === null ? texts.length > 0 || pressed !== null : !isQuiet)) {
      if (texts.some(asksForPerson)) asks.push({ is: 'hand_over', reason: 'the customer asked for a person', summary: texts.at(-1) ?? '' });
      else if (isOverBudget(current, settings)) asks.push({ is: 'hand_over', reason: 'the session is too long', summary: '' });
      else if (part !== null) ours.push(part);
      else {
        end = await runTurn(
          {
            ...{ turnId, session: current, history: await historyOf(current, chat, heard, db), open, pressed },
            said: [...texts, ...(pressed === null ? [] : [pressed.title])],
            seen: heard.seen,
          },
          {
            nextAnswer: (step, seen, request) =>
              spoken === null ? nextAnswer(context, turnId, step, seen, request) : answerOf(spoken, seen),
            speaksItself: spoken !== null,
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

    return context.commit((tx) =>
      keepTurn(tx, {
        ...{ parts, company, turnId, sessionId, startedAt, before, session: current, chat, heard, texts, inputs },
        ...{ pending, settledNow, ours, end, asks, more },
      }),
    );
  };
}

/** Those that are this chat now: the merge may not have been announced here yet. */
async function formerChats(sessionIds: readonly string[], chatId: string, { call }: Context): Promise<readonly string[]> {
  const found = await Promise.all(
    sessionIds.map(async (former) => {
      const known = await call(inbox.chat_context, { chatId: former, limit: 1 }).catch(gone);
      return known?.chat.chatId === chatId ? [former] : [];
    }),
  );
  return found.flat();
}
/** What was said under the former ids of a merged chat is answered in the chat that it is now. */
function merged(former: readonly string[], into: string, turnId: string, { commit }: Context): Promise<Answer> {
  return commit(async (tx) => {
    for (const each of former) await mergeConversations(tx, each, into);
    turnDue(tx, into, derivedKey(turnId, 'merged'));
    return silence(into, null);
  });
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
    expects: [],
    dictated: '',
    isHandedOver: session?.handedOverAt != null,
    isStaffAway: false,
  };
}

/** What a model has called that is asked elsewhere. */
async function answerOf({ model, toolCalls }: NonNullable<NonNullable<Said>['calls']>, seen: readonly string[]): Promise<KeptAnswer> {
  return { seen, ms: 0, answer: { text: '', toolCalls, end: 'tool_calls', model, inputTokens: 0, outputTokens: 0 } };
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
