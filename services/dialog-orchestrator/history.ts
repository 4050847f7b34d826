/** What was said before. */
import type { ModelMessage } from '../../adapters/llm/port.ts';
import type { Database } from '../../bus/service.ts';
import { type Heard, textOf } from './hear.ts';
import type { Session } from './rows/sessions.ts';
import { latestTurns } from './rows/turns.ts';
import { type Chat, remembered } from './turn-parts.ts';

/** Earlier lines: of a chat as they really went out and came in, else of the turns. */
export async function historyOf(session: Session, chat: Chat | null, heard: Heard, db: Database): Promise<readonly ModelMessage[]> {
  if (chat !== null) {
    const lines = linesOf(chat, session, heard);
    const offered = await offeredReply(session, heard, db);
    // The customer saw what they pressed, although the inbox may not have it yet.
    const isMissing = offered !== null && !lines.some(({ role, text }) => role === 'assistant' && offered.endsWith(text));
    return isMissing ? [...lines, { role: 'assistant', text: offered }] : lines;
  }
  const latest = await latestTurns(db, session.sessionId, remembered.turns, session.startedAt);
  // The customer's words contain the whole number.
  const turns = heard.dictation?.is === 'whole' ? latest.slice(0, Math.max(0, latest.length - heard.dictation.partTurns)) : latest;
  return turns.flatMap(({ said, reply }): ModelMessage[] => [
    ...said.map((text) => ({ role: 'user' as const, text })),
    ...(reply === null ? [] : [{ role: 'assistant' as const, text: reply }]),
  ]);
}
function linesOf(chat: Chat, session: Session, heard: Heard): readonly ModelMessage[] {
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
}
/** The reply under which the pressed option was. */
async function offeredReply({ sessionId }: Session, { presses }: Heard, db: Database): Promise<string | null> {
  const turnId = presses.findLast(({ payload }) => payload !== null)?.turnId;
  if (turnId == null) return null;
  return (await latestTurns(db, sessionId, 1)).find((turn) => turn.turnId === turnId)?.reply ?? null;
}

export async function wasSaid(text: string, db: Database, sessionId: string): Promise<boolean> {
  return (await latestTurns(db, sessionId, 1))[0]?.reply === text;
}
