/** A topic of the event stream that is a list: it is read while it has followers, and its changes are sent. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { StateTopic } from '../../contracts/feeds.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { CallMethod } from './app.ts';
import { type FeedItem, type Follower, sees, staleItem, textAt } from './follower.ts';
import type { Owners } from './owners.ts';

/** Properties that pass unchanged. */
const Items = z.object({ items: z.array(z.looseObject({ updatedAt: z.string().optional() })) });
interface Known {
  readonly id: string;
  readonly text: string;
  readonly time: string | undefined;
  readonly owners: readonly string[];
}
type Snapshot = ReadonlyMap<string, Known>;
const pageSize = 200;
/** A list is read at most so often, however many announcements come. */
export const leastMs = 150;
/** How soon a list that could not be read is tried again. */
const retryMs = 1_000;

export interface StateFeedParts {
  readonly ask: CallMethod;
  readonly owners: Owners;
  /** How often the list is read without an announcement. */
  readonly pollMs: number;
  /** Between two reads, in ms: `leastMs` or more. */
  readonly leastMs: () => number;
}

export interface StateFeed {
  /** Sends the current items, or only changes since the follower's position, then every change. */
  follow(follower: Follower, since: string | undefined): Promise<() => void>;
  /** Reads the list now. */
  wake(): void;
}

/** One reader for any number of followers. */
export function createStateFeed(
  topic: string,
  { method, input, id: idField = 'id', chat, phone }: StateTopic,
  { ask, owners, pollMs, leastMs: betweenReadsMs }: StateFeedParts,
): StateFeed {
  const followers = new Set<Follower>();
  /** Those who came while the list could not be read, with their positions. */
  const waiting = new Map<Follower, string | undefined>();
  let known: Snapshot | undefined;
  let opening: Promise<Snapshot> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let readAt = 0;
  let isReading = false;
  let isWoken = false;
  let isUnreadable = false;

  async function read(): Promise<Snapshot> {
    const { items } = Items.parse(await ask(method, { ...input, limit: pageSize }, {}));
    const ofChats = await owners.ofChats(items.flatMap((item) => textAt(item, chat) ?? []));
    const ofPhones = await owners.ofPhones(items.flatMap((item) => textAt(item, phone) ?? []));
    const ownersOf = (item: object) => [ofChats.get(textAt(item, chat) ?? '') ?? [], ofPhones.get(textAt(item, phone) ?? '') ?? []].flat();
    return new Map(
      items.map((item): [string, Known] => {
        const id = textAt(item, idField) ?? '';
        return [id, { id, text: JSON.stringify(item), time: item.updatedAt, owners: ownersOf(item) }];
      }),
    );
  }
  /** Followers who come at the same time share one read: of two, the later would hide its changes from the follower of the earlier. */
  async function open(): Promise<Snapshot> {
    opening ??= read().finally(() => {
      opening = undefined;
    });
    const list = await opening;
    known ??= list;
    return known;
  }
  async function turn(): Promise<void> {
    isReading = true;
    isWoken = false;
    readAt = performance.now();
    try {
      const next = await read();
      if (isUnreadable) for (const follower of served()) follower.tell(snapshotOf(follower, next));
      isUnreadable = false;
      if (known !== undefined) tellChanges(known, next);
      known = next;
      for (const [follower, since] of waiting) serve(follower, since, next);
      waiting.clear();
    } catch (thrown) {
      // Followers learn that their data may be out of date; the next turn tries again, and a snapshot says when it succeeds.
      isUnreadable = true;
      for (const follower of followers) follower.tell(staleOf(thrown));
    }
    isReading = false;
    const pauseMs = isUnreadable ? Math.min(pollMs, retryMs) : pollMs;
    schedule(isWoken ? betweenReadsMs() : Math.max(pauseMs, betweenReadsMs()));
  }
  function schedule(afterMs: number): void {
    clearTimeout(timer);
    if (followers.size === 0) known = undefined;
    else timer = setTimeout(() => void turn(), afterMs);
  }
  const staleOf = (thrown: unknown): FeedItem => staleItem(topic, thrown instanceof PolybError ? thrown.code : 'internal');
  const served = (): readonly Follower[] => [...followers].filter((follower) => !waiting.has(follower));
  const seenBy = (follower: Follower, list: Snapshot): readonly Known[] =>
    [...list.values()].filter((item) => sees(follower, item.owners)).sort(byTime);
  const snapshotOf = (follower: Follower, list: Snapshot): FeedItem => ({
    event: 'snapshot',
    text: JSON.stringify({ topic, ids: seenBy(follower, list).map(({ id }) => id), isWhole: list.size < pageSize }),
  });
  function serve(follower: Follower, since: string | undefined, list: Snapshot): void {
    const items = seenBy(follower, list);
    const isWhole = list.size < pageSize;
    follower.tell(snapshotOf(follower, list));
    // What changed in between may have left the page: the follower reads its own page again.
    if (since !== undefined && !isWhole && items.every(({ time }) => time !== undefined && time > since))
      follower.tell({ event: 'gap', text: JSON.stringify({ topic }) });
    for (const item of items) if (since === undefined || item.time === undefined || item.time >= since) follower.tell(itemOf(item));
  }
  function tellChanges(before: Snapshot, next: Snapshot): void {
    for (const item of [...next.values()].sort(byTime)) {
      const was = before.get(item.id);
      if (was !== undefined && was.text === item.text && isDeepStrictEqual(was.owners, item.owners)) continue;
      for (const follower of served())
        if (sees(follower, item.owners)) follower.tell(itemOf(item));
        else if (was !== undefined && sees(follower, was.owners)) follower.tell(goneOf(item.id));
    }
    // From a full page an old item merely drops out.
    if (next.size >= pageSize) return;
    for (const { id, owners: former } of before.values())
      if (!next.has(id)) for (const follower of served()) if (sees(follower, former)) follower.tell(goneOf(id));
  }
  const itemOf = ({ text, time }: Known): FeedItem => ({ event: topic, ...(time === undefined ? {} : { time }), text });
  const goneOf = (id: string): FeedItem => ({ event: topic, text: JSON.stringify({ [idField]: id, state: 'gone' }) });

  return {
    async follow(follower, since) {
      try {
        serve(follower, since, known ?? (await open()));
      } catch (thrown) {
        // The other topics of the follower go on; this one begins with the next turn that succeeds.
        follower.tell(staleOf(thrown));
        waiting.set(follower, since);
      }
      followers.add(follower);
      if (followers.size === 1 && !isReading) schedule(pollMs);
      return () => {
        followers.delete(follower);
        waiting.delete(follower);
        if (followers.size === 0 && !isReading) schedule(0);
      };
    },
    wake() {
      // What is being read may be older than the announcement.
      if (isReading) isWoken = true;
      else if (followers.size > 0) schedule(Math.max(0, readAt + betweenReadsMs() - performance.now()));
    },
  };
}
function byTime(a: Known, b: Known): number {
  const [left = '', right = ''] = [a.time, b.time];
  return left < right ? -1 : left > right ? 1 : 0;
}
