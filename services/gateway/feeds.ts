/** Server-sent events: a list is read while it has followers, and its changes are sent. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { feeds } from '../../contracts/aliases.ts';
import { personRoles } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type Admit, refused } from './admit.ts';
import type { CallMethod } from './app.ts';
import type { Identity, Keys } from './keys.ts';
import { createLogFeed, type FeedItem, type Follower } from './log-feed.ts';

type Topic = keyof typeof feeds;
type StateTopic = { [T in Topic]: (typeof feeds)[T]['kind'] extends 'state' ? T : never }[Topic];
const topics = Object.keys(feeds) as Topic[];
const isState = (topic: Topic): topic is StateTopic => feeds[topic].kind === 'state';

/** Properties of every item of a feed; others pass unchanged. */
const Items = z.object({ items: z.array(z.looseObject({ id: z.string(), updatedAt: z.string() })) });
type Item = z.output<typeof Items>['items'][number];
export interface FeedOptions {
  readonly pollMs: number;
  readonly heartbeatMs: number;
  readonly mostFollowers: number;
}
const pageSize = 200;

/** One reader per topic, for any number of followers. */
function createStateFeed(topic: StateTopic, ask: CallMethod, pollMs: number) {
  const { method, input } = feeds[topic];
  const followers = new Set<Follower>();
  let known: ReadonlyMap<string, Item> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(): Promise<readonly Item[]> {
    return Items.parse(await ask(method, { ...input, limit: pageSize }, {})).items;
  }
  async function turn(): Promise<void> {
    try {
      const items = await read();
      const before = known;
      known = new Map(items.map((item) => [item.id, item]));
      if (before !== undefined) {
        const changed = items.filter(({ id, updatedAt }) => before.get(id)?.updatedAt !== updatedAt).sort(byTime);
        for (const item of changed) tell({ event: topic, time: item.updatedAt, data: item });
        // From a full page an old item merely drops out.
        if (items.length < pageSize)
          for (const id of before.keys()) if (!known.has(id)) tell({ event: topic, data: { id, state: 'gone' } });
      }
    } catch (thrown) {
      // Followers learn that their data may be out of date; the next turn tries again.
      tell({ event: 'stale', data: { topic, why: thrown instanceof PolybError ? thrown.code : 'internal' } });
    }
    if (followers.size > 0) timer = setTimeout(() => void turn(), pollMs);
    else known = undefined;
  }
  function tell(told: FeedItem): void {
    for (const follower of followers) follower.tell(told);
  }

  return {
    /** Sends the current items, or only changes since the follower's position, then every change. */
    async follow(follower: Follower, since: string | undefined): Promise<() => void> {
      const items = [...(await read())].sort(byTime);
      follower.tell({ event: 'snapshot', data: { topic, ids: items.map(({ id }) => id) } });
      for (const item of items)
        if (since === undefined || item.updatedAt >= since) follower.tell({ event: topic, time: item.updatedAt, data: item });
      followers.add(follower);
      if (followers.size === 1) {
        known = new Map(items.map((item) => [item.id, item]));
        clearTimeout(timer);
        timer = setTimeout(() => void turn(), pollMs);
      }
      return () => {
        followers.delete(follower);
        if (followers.size === 0) clearTimeout(timer);
      };
    },
  };
}
function byTime(a: Item, b: Item): number {
  return a.updatedAt < b.updatedAt ? -1 : a.updatedAt > b.updatedAt ? 1 : 0;
}

/** `time`, or `time~cursor` when a log is followed; either may be empty. */
const placeOf = (lastEventId: string | readonly string[] | undefined) => {
  const [time = '', cursor = ''] = String(lastEventId ?? '').split('~', 2);
  return { time: Number.isNaN(Date.parse(time)) ? undefined : time, cursor: cursor === '' ? undefined : cursor };
};
const idOf = ({ time = '', cursor }: { readonly time: string | undefined; readonly cursor: string | undefined }): string =>
  cursor === undefined ? time : `${time}~${cursor}`;
/** Unread bytes of a follower: above the first limit it gets no further log data, above the second it is disconnected. */
const fullBytes = 262_144;
const mostBytes = 4_194_304;

interface FeedParts {
  readonly ask: CallMethod;
  readonly admit: Admit;
  /** Whether the key of a follower is still valid. */
  readonly isLive: Keys['isLive'];
  readonly options: FeedOptions;
}
/** An event about a revoked key may be lost, and an expired key has none. */
const recheckMs = 3_000;

/** `GET /api/v1/stream?topics=runs,approvals,messages`, resumed with Last-Event-ID. A stream ends with its key. */
export function addFeeds(app: FastifyInstance, { ask, admit, isLive, options }: FeedParts): { endOf(keyId: string): void } {
  const states = new Map(topics.filter(isState).map((topic) => [topic, createStateFeed(topic, ask, options.pollMs)]));
  const logs = new Map(
    topics.flatMap((topic) => (isState(topic) ? [] : [[topic, createLogFeed(topic, feeds[topic], ask, options.pollMs)]])),
  );
  const open = new Map<() => void, Identity>();
  let rechecking: ReturnType<typeof setTimeout> | undefined;
  // A stream never ends on its own, so closing must not wait for it.
  app.addHook('preClose', async () => {
    clearTimeout(rechecking);
    for (const end of open.keys()) end();
  });
  function endOf(keyId: string): void {
    for (const [end, identity] of open) if (identity.keyId === keyId) end();
  }
  async function recheck(): Promise<void> {
    const identities = new Map([...open.values()].map((identity) => [identity.keyId, identity]));
    await Promise.all(
      [...identities.values()].map(async (identity) => {
        if (!(await isLive(identity))) endOf(identity.keyId);
      }),
    );
    rechecking = open.size === 0 ? undefined : setTimeout(() => void recheck(), recheckMs);
  }

  app.get('/api/v1/stream', async (request, reply) => {
    const identity = await admit({ scope: 'read', people: personRoles }, request, reply);
    const given = (request.query as { topics?: string }).topics;
    const allowed = topics.filter((topic) => identity.allows(feeds[topic].scope, feeds[topic].people));
    const asked = new Set<string>(given === undefined ? allowed.filter(isState) : String(given).split(','));
    for (const name of asked)
      if (!topics.includes(name as Topic))
        throw new PolybError('invalid_argument', `There is no topic ${name.slice(0, 40)}; expected some of ${topics.join(', ')}.`, {
          reason: 'bad_parameters',
        });
    if (asked.size === 0 || topics.some((topic) => asked.has(topic) && !allowed.includes(topic))) throw refused(identity, personRoles);
    if (open.size >= options.mostFollowers)
      throw new PolybError('unavailable', 'This server is at its limit of open event streams.', { retryAfterMs: 5_000 });
    const last = placeOf(request.headers['last-event-id']);
    const { time: since } = last;
    // Before the headers are sent: an invalid cursor is refused.
    const places = await Promise.all(
      [...logs].filter(([topic]) => asked.has(topic)).map(async ([, feed]) => ({ feed, cursor: await feed.open(last.cursor) })),
    );

    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    // A connection kept alive for another request would delay closing.
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', connection: 'close' });
    raw.write('retry: 3000\n\n');
    const tell = ({ event, time, cursor, data }: FeedItem): void => {
      if (time !== undefined) last.time = time;
      if (cursor !== undefined) last.cursor = cursor;
      const id = time === undefined && cursor === undefined ? '' : `id: ${idOf(last)}\n`;
      // A follower that does not read is disconnected; it resumes after the last event it received.
      if (raw.writableLength > mostBytes) raw.destroy();
      else raw.write(`${id}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    const follower: Follower = { tell, isFull: () => raw.writableLength > fullBytes };
    const leaves: (() => void)[] = [];
    const heartbeat = setInterval(() => raw.write(': alive\n\n'), options.heartbeatMs);
    const end = (): void => {
      open.delete(end);
      clearInterval(heartbeat);
      for (const leave of leaves.splice(0)) leave();
      raw.end();
    };
    open.set(end, identity);
    rechecking ??= setTimeout(() => void recheck(), recheckMs);
    if (raw.destroyed) end();
    else raw.once('close', end);
    try {
      for (const { feed, cursor } of places) leaves.push(feed.follow(follower, cursor));
      for (const [topic, feed] of states) if (asked.has(topic)) leaves.push(await feed.follow(follower, since));
    } catch {
      end(); // The headers are sent: the follower sees the end and reconnects after `retry`.
    }
    if (!open.has(end)) for (const leave of leaves.splice(0)) leave();
  });
  return { endOf };
}
