/** A topic of the event stream that only grows. Every follower has its own cursor, and followers at the same cursor share a read. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { LogTopic } from '../../contracts/feeds.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { CallMethod } from './app.ts';
import { type Follower, sees, staleItem, textAt } from './follower.ts';
import type { Owners } from './owners.ts';

const Page = z.object({ items: z.array(z.looseObject({ cursor: z.string() })), nextCursor: z.string() });
type Page = z.output<typeof Page>;
const pageSize = 200;

export interface LogFeed {
  /** The cursor to follow from. @throws PolybError invalid_argument for an invalid cursor. */
  open(cursor: string | undefined): Promise<string>;
  follow(follower: Follower, cursor: string): () => void;
  /** Reads now. */
  wake(): void;
}

export function createLogFeed(
  topic: string,
  { method, input, start, chat }: LogTopic,
  { ask, owners: known, pollMs }: { readonly ask: CallMethod; readonly owners: Owners; readonly pollMs: number },
): LogFeed {
  const cursors = new Map<Follower, string>();
  /** Followers whose list could not be read the last time. */
  const unread = new Set<Follower>();
  let isRunning = false;
  let rouse = (): void => {};

  const read = async (from: object, limit: number): Promise<Page> => Page.parse(await ask(method, { ...input, ...from, limit }, {}));

  /** Sends a page to the followers at one cursor. */
  async function serve(cursor: string, followers: readonly Follower[]): Promise<boolean> {
    let page: Page;
    let owners: ReadonlyMap<string, readonly string[]>;
    try {
      page = await read({ cursor }, pageSize);
      owners = await known.ofChats(page.items.flatMap((item) => textAt(item, chat) ?? []));
    } catch (thrown) {
      // Followers learn that data may be missing; the next turn reads from the same cursor.
      const stale = staleItem(topic, thrown instanceof PolybError ? thrown.code : 'internal');
      for (const follower of followers) {
        follower.tell(stale);
        unread.add(follower);
      }
      return false;
    }
    for (const follower of followers)
      if (unread.delete(follower)) follower.tell({ event: 'snapshot', cursor, text: JSON.stringify({ topic }) });
    const texts = new Map<object, string>();
    const textOf = (item: object): string => texts.get(item) ?? texts.set(item, JSON.stringify(item)).get(item) ?? '';
    for (const follower of followers.filter((each) => cursors.get(each) === cursor)) {
      for (const item of page.items)
        if (sees(follower, owners.get(textAt(item, chat) ?? '') ?? []))
          follower.tell({ event: topic, cursor: item.cursor, text: textOf(item) });
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
    while (cursors.size > 0)
      if (!(await turn())) {
        const { promise, resolve } = Promise.withResolvers<void>();
        rouse = resolve;
        await Promise.race([promise, delay(pollMs, undefined, { ref: false })]);
      }
    isRunning = false;
  }

  return {
    async open(cursor) {
      const { nextCursor } = await read(cursor === undefined ? start : { cursor }, 1);
      return cursor ?? nextCursor;
    },
    follow(follower, cursor) {
      follower.tell({ event: 'snapshot', cursor, text: JSON.stringify({ topic }) });
      cursors.set(follower, cursor);
      if (!isRunning) void run(); // A failed read ends nothing: its followers get `stale`.
      return () => {
        cursors.delete(follower);
        unread.delete(follower);
      };
    },
    wake: () => rouse(),
  };
}
