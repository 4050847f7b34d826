import { type Commit, type Database, every, type Loop } from '../../bus/service.ts';
import { doomOldFiles } from './rows/files.ts';
import {
  forgetEmptyChats,
  oldMerges,
  oldMessages,
  oldNotes,
  oldPeople,
  oldPositions,
  oldRecordings,
  oldStatuses,
  oldUpdates,
  unusedAliases,
  unusedConnections,
} from './rows/retention.ts';
import { forgetUnusedWords } from './rows/search.ts';
import { refreshWaiting, waitingSince } from './rows/waiting.ts';

const dayMs = 86_400_000;
/** Rows per statement, so that transactions stay short. */
const batch = 5_000;

/** Deletes data past its retention time, table by table; one turn of each job leaves nothing older. Late storage does not extend it. */
export function retention(
  { db, commit, now }: { readonly db: Database; readonly commit: Commit; readonly now: () => number },
  days: { readonly raw: number; readonly messages: number; readonly voices: number; readonly files: number },
): readonly Loop[] {
  const daysAgo = (count: number): Date => new Date(now() - count * dayMs);
  /** Repeats until the statement, whose second parameter is the maximum number of rows, deletes none. */
  const sweep = async (text: string, before: Date, signal: AbortSignal): Promise<void> => {
    while ((await db.query(text, [before, batch])).length > 0) signal.throwIfAborted();
  };
  const waitingBefore = async (before: Date) =>
    (await db.query<{ chatId: string }>(waitingSince, [before, batch])).map(({ chatId }) => chatId);
  return [
    // A raw update contains the texts of its messages, so it is deleted no later than they are.
    every('forget_raw_updates', '13 2 * * *', (signal) => sweep(oldUpdates, daysAgo(Math.min(days.raw, days.messages)), signal)),
    every('forget_messages', '23 2 * * *', async (signal) => {
      const before = daysAgo(days.messages);
      for (const text of [oldMessages, oldNotes, oldMerges, oldPositions, oldPeople, unusedAliases]) await sweep(text, before, signal);
      for (let chats = await waitingBefore(before); chats.length > 0; chats = chats.length < batch ? [] : await waitingBefore(before)) {
        await refreshWaiting(db, chats);
        signal.throwIfAborted();
      }
      while (await forgetEmptyChats(commit, before)) signal.throwIfAborted();
      await sweep(unusedConnections, before, signal);
      for (let word: string | null = ''; word !== null; signal.throwIfAborted()) word = await forgetUnusedWords(db, word, batch);
    }),
    every('forget_files', '38 2 * * *', (signal) => doomOldFiles(db, days.files, signal)),
    every('forget_recordings', '33 2 * * *', (signal) => sweep(oldRecordings, daysAgo(days.voices), signal)),
    every('forget_statuses', '43 2 * * *', (signal) => sweep(oldStatuses, daysAgo(Math.min(days.raw, days.messages)), signal)),
  ];
}
