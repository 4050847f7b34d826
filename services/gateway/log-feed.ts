/** A topic of the event stream that only grows. Every follower has its own cursor, and followers at the same cursor share a read. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { CallMethod } from './app.ts';

const Page = z.object({ items: z.array(z.looseObject({ cursor: z.string() })), nextCursor: z.string() });
type Page = z.output<typeof Page>;
const pageSize = 200;

/** One change, as sent to a follower. */
export interface FeedItem {
  readonly event: string;
  /** Position for a returning follower of a state: the time of the change, RFC 3339. */
  readonly time?: string;
  /** The same for a log. */
  readonly cursor?: string;
  readonly data: unknown;
}
export interface Follower {
  tell(item: FeedItem): void;
  /** True when it has much unread data. */
  isFull(): boolean;
}
export interface LogTopic {
  readonly method: Method;
  readonly input: object;
  /** Input instead of a cursor: starts with the next item. */
  readonly start: object;
}
export interface LogFeed {
  /** The cursor to follow from. @throws PolybError invalid_argument for an invalid cursor. */
  open(cursor: string | undefined): Promise<string>;
  follow(follower: Follower, cursor: string): () => void;
}

export function createLogFeed(topic: string, { method, input, start }: LogTopic, ask: CallMethod, pollMs: number): LogFeed {
  const cursors = new Map<Follower, string>();
  let isRunning = false;

  const read = async (from: object, limit: number): Promise<Page> => Page.parse(await ask(method, { ...input, ...from, limit }, {}));

  /** Sends a page to the followers at one cursor. */
  async function serve(cursor: string, followers: readonly Follower[]): Promise<boolean> {
    let page: Page;
    try {
      page = await read({ cursor }, pageSize);
    } catch (thrown) {
      // Followers learn that data may be missing; the next turn reads from the same cursor.
      for (const follower of followers)
        follower.tell({ event: 'stale', data: { topic, why: thrown instanceof PolybError ? thrown.code : 'internal' } });
      return false;
    }
    for (const follower of followers.filter((each) => cursors.get(each) === cursor)) {
      for (const item of page.items) follower.tell({ event: topic, cursor: item.cursor, data: item });
      cursors.set(follower, page.nextCursor);
    }
    // A page may end early because of its size in bytes.
    return page.items.length >= pageSize / 8;
  }
  /** True when there is more to read at once. */
  async function turn(): Promise<boolean> {
    const ready = [...cursors].filter(([follower]) => !follower.isFull());
    const isMore = await Promise.all(
      [...Map.groupBy(ready, ([, cursor]) => cursor)].map(([cursor, group]) =>
        serve(
          cursor,
          group.map(([follower]) => follower),
        ),
      ),
    );
    return isMore.includes(true);
  }
  async function run(): Promise<void> {
    isRunning = true;
    while (cursors.size > 0) if (!(await turn())) await delay(pollMs, undefined, { ref: false });
    isRunning = false;
  }

  return {
    async open(cursor) {
      const { nextCursor } = await read(cursor === undefined ? start : { cursor }, 1);
      return cursor ?? nextCursor;
    },
    follow(follower, cursor) {
      follower.tell({ event: 'snapshot', cursor, data: { topic } });
      cursors.set(follower, cursor);
      if (!isRunning) void run(); // A failed read ends nothing: its followers get `stale`.
      return () => void cursors.delete(follower);
    },
  };
}
