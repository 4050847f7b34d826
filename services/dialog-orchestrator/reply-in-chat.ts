/** Sends what a turn says to its chat. */
import type { Tx } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import { dialog } from '../../contracts/dialog.ts';
import { messages } from '../../contracts/messages.ts';
import type { Settled } from './decide.ts';
import { messageIdPrefix } from './ids.ts';
import type { Reply } from './reply.ts';
import type { Session } from './rows/sessions.ts';
import { cut } from './said.ts';
import { replyModeOf } from './session-of.ts';
import type { DialogSettings } from './settings.ts';
import type { Ask } from './tools/tool.ts';
import type { Chat } from './turn-parts.ts';
import { words } from './words.ts';

/** Receipts go out as messages of their own, since they are never stale. */
export function replyInChat(
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
  const mode = replyModeOf(session, settings);
  const chatId = chat.chat.chatId;
  // Without a further text, the options belong to the outcome that offers them.
  const offering = reply.text === null ? settledNow.findLast(({ slots = [] }) => slots.length > 0) : undefined;
  for (const outcome of settledNow) {
    const { proposal, text, isReceipt, state } = outcome;
    if (isReceipt && text !== null)
      tx.send(
        messages.send_reply,
        { chatId, text, mode, isReceipt: true, ...(outcome === offering && reply.shown !== null ? { choices: reply.shown } : {}) },
        { key: derivedKey(state === 'unknown' ? 'checking' : 'receipt', proposal.proposalId) },
      );
  }
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

export function handOverLater(
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
