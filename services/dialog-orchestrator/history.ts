/** What was said before. */
import type { ModelMessage } from '../../adapters/llm/port.ts';
import type { Database } from '../../bus/service.ts';
import { type Heard, textOf } from './hear.ts';
import type { Session } from './rows/sessions.ts';
import { latestTurns } from './rows/turns.ts';
import { type Chat, remembered } from './turn-parts.ts';

/** Earlier lines: of a chat as they really went out and came in, else of the turns. */
export async function historyOf(session: Session, chat: Chat | null, heard: Heard, db: Database): Promise<readonly ModelMessage[]> {
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

export async function wasSaid(text: string, db: Database, sessionId: string): Promise<boolean> {
  return (await latestTurns(db, sessionId, 1))[0]?.reply === text;
}
