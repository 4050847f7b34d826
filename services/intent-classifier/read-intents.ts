/** Message counts by intent and day, and the urgent messages. */
import type { Database, HandlersOf } from '../../bus/service.ts';
import { narrowedTo } from '../../contracts/common.ts';
import type { intents } from '../../contracts/intents.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { intentNames } from './model.ts';
import { type Analysis, dailyTotals, intentTotals, urgentMessages } from './rows.ts';

type Reads = Pick<HandlersOf<typeof intents>, 'intent_totals' | 'daily_intents' | 'urgent_messages'>;

export function readIntents(db: Database, now: () => number): Reads {
  return {
    async intent_totals({ since, until }) {
      const found = new Map((await intentTotals(db, dateOf(since), dateOf(until))).map((row) => [row.intent, row]));
      const items = intentNames.map(
        (intent) => found.get(intent) ?? { intent, messages: 0, urgent: 0, uncertain: 0, meanConfidence: null },
      );
      return { items, messages: sum(items.map(({ messages }) => messages)) };
    },
    async daily_intents({ days, timeZone }) {
      const byDay = Map.groupBy(await dailyTotals(db, days, timeZone, new Date(now())), ({ day }) => day);
      const items = [...byDay].map(([day, rows]) => ({
        day,
        intents: countsOf(rows),
        messages: sum(rows.map(({ messages }) => messages)),
        urgent: sum(rows.map(({ urgent }) => urgent)),
      }));
      return { items };
    },
    async urgent_messages({ since, intent, viewer, limit, cursor }) {
      const wanted = {
        since: dateOf(since),
        intent: intent ?? null,
        after: cursor === undefined ? null : placeOf(cursor),
        seenBy: narrowedTo(viewer),
      };
      const rows = await urgentMessages(db, wanted, limit + 1);
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { items: page.map(shown), nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
    },
  };
}

function shown({ messageAt, ...rest }: Analysis) {
  return { ...rest, at: messageAt.toISOString() };
}

function countsOf(rows: readonly { readonly intent: (typeof intentNames)[number]; readonly messages: number }[]) {
  const none = Object.fromEntries(intentNames.map((intent) => [intent, 0])) as Record<(typeof intentNames)[number], number>;
  for (const { intent, messages } of rows) none[intent] = messages;
  return none;
}

/** Opaque to others: the time and the id of the last row of a page. */
const cursorOf = ({ messageAt, messageId }: Analysis) => Buffer.from(`${messageAt.getTime()} ${messageId}`).toString('base64url');
function placeOf(cursor: string): { at: Date; messageId: string } {
  const [, ms, messageId] = /^(\d{1,15}) (\w{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (ms === undefined || messageId === undefined)
    throw new PolybError('invalid_argument', 'Bad cursor: expected the nextCursor of an earlier page, unchanged.');
  return { at: new Date(Number(ms)), messageId };
}

const dateOf = (given: string | undefined) => (given === undefined ? null : new Date(given));
const sum = (given: readonly number[]) => given.reduce((total, each) => total + each, 0);
