/** Server-sent events: a list is read while somebody follows it, and what changed is told. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { feeds } from '../../contracts/aliases.ts';
import { PolybError } from '../../contracts/errors.ts';
import type { Admit } from './admit.ts';
import type { Ask } from './app.ts';

type Topic = keyof typeof feeds;
const topics = Object.keys(feeds) as Topic[];

/** What every item of a feed has; the rest goes on as it is. */
const Items = z.object({ items: z.array(z.looseObject({ id: z.string(), updatedAt: z.string() })) });
type Item = z.output<typeof Items>['items'][number];
interface Told {
  readonly event: string;
  /** When it was so, RFC 3339; a follower that comes back says the last. */
  readonly id?: string;
  readonly data: unknown;
}
interface Follower {
  tell(told: Told): void;
}
export interface FeedOptions {
  readonly pollMs: number;
  readonly heartbeatMs: number;
  readonly mostFollowers: number;
}
const pageSize = 200;

/** One reader a topic, however many follow it. */
function createFeed(topic: Topic, ask: Ask, pollMs: number) {
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
        for (const item of changed) tell({ event: topic, id: item.updatedAt, data: item });
        // From a full page an old item is merely pushed out.
        if (items.length < pageSize)
          for (const id of before.keys()) if (!known.has(id)) tell({ event: topic, data: { id, state: 'gone' } });
      }
    } catch (thrown) {
      // Followers learn that what they see may be old; the next turn tries again.
      tell({ event: 'stale', data: { topic, why: thrown instanceof PolybError ? thrown.code : 'internal' } });
    }
    if (followers.size > 0) timer = setTimeout(() => void turn(), pollMs);
    else known = undefined;
  }
  function tell(told: Told): void {
    for (const follower of followers) follower.tell(told);
  }

  return {
    /** Tells what is there, or only what changed since the last that the follower knows, then every change. */
    async follow(follower: Follower, since: string | undefined): Promise<() => void> {
      const items = [...(await read())].sort(byTime);
      follower.tell({ event: 'snapshot', data: { topic, ids: items.map(({ id }) => id) } });
      for (const item of items)
        if (since === undefined || item.updatedAt >= since) follower.tell({ event: topic, id: item.updatedAt, data: item });
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

/** `GET /api/v1/stream?topics=runs,approvals`, resumed with Last-Event-ID. */
export function addFeeds(
  app: FastifyInstance,
  { ask, admit, options }: { readonly ask: Ask; readonly admit: Admit; readonly options: FeedOptions },
): void {
  const byTopic = new Map(topics.map((topic) => [topic, createFeed(topic, ask, options.pollMs)]));
  const open = new Set<() => void>();
  // A stream never ends by itself, so closing must not wait for it.
  app.addHook('preClose', async () => {
    for (const end of open) end();
  });

  app.get('/api/v1/stream', async (request, reply) => {
    const identity = await admit('read', request, reply);
    const asked = String((request.query as { topics?: string }).topics ?? topics.join(',')).split(',');
    const wanted = [...new Set(asked)].map((name) => [name, byTopic.get(name as Topic)] as const);
    for (const [name, feed] of wanted)
      if (feed === undefined)
        throw new PolybError('invalid_argument', `There is no topic ${name.slice(0, 40)}; expected some of ${topics.join(', ')}.`, {
          reason: 'bad_parameters',
        });
    if (asked.includes('approvals') && !identity.allows('send'))
      throw new PolybError('permission_denied', 'This API key does not allow that.');
    if (open.size >= options.mostFollowers)
      throw new PolybError('unavailable', 'This server has as many followers as it can.', { retryAfterMs: 5_000 });
    const last = request.headers['last-event-id'];
    const since = typeof last === 'string' && !Number.isNaN(Date.parse(last)) ? last : undefined;

    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    raw.write('retry: 3000\n\n');
    const tell = ({ event, id, data }: Told): void => {
      // A follower that does not read is let go; it comes back with the last that it got.
      if (raw.writableLength > 1_048_576) raw.destroy();
      else raw.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    const leaves: (() => void)[] = [];
    const heartbeat = setInterval(() => raw.write(': alive\n\n'), options.heartbeatMs);
    const end = (): void => {
      open.delete(end);
      clearInterval(heartbeat);
      for (const leave of leaves.splice(0)) leave();
      raw.end();
    };
    open.add(end);
    raw.once('close', end);
    try {
      for (const [, feed] of wanted) if (feed !== undefined) leaves.push(await feed.follow({ tell }, since));
    } catch {
      end(); // the head is out: the follower sees the end and comes back after `retry`
    }
    if (!open.has(end)) for (const leave of leaves.splice(0)) leave();
  });
}
