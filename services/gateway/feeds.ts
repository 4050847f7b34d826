/** Server-sent events: changes of lists, as they happen. */
import type { FastifyInstance } from 'fastify';
import { narrowedTo } from '../../contracts/common.ts';
import { feeds } from '../../contracts/feeds.ts';
import { personRoles } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type Admit, deniedTo } from './admit.ts';
import type { CallMethod } from './app.ts';
import { type FeedItem, type Follower, staleItem } from './follower.ts';
import type { Identity } from './keys.ts';
import { createLogFeed, type LogFeed } from './log-feed.ts';
import type { OpenStreams } from './open-streams.ts';
import { createOwnFeed } from './own-feed.ts';
import type { Owners } from './owners.ts';
import { createStateFeed, leastMs, type StateFeed } from './state-feed.ts';

export interface FeedOptions {
  /** How often lists are read without an announcement. */
  readonly pollMs: number;
  readonly heartbeatMs: number;
}
interface FeedParts {
  readonly ask: CallMethod;
  readonly admit: Admit;
  readonly owners: Owners;
  readonly openStreams: OpenStreams;
  readonly options: FeedOptions;
}
export interface Streams {
  /** Reads the topics that an announcement concerns now; without one, all topics. */
  wake(address?: string): void;
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

/** `GET /api/v1/stream?topics=runs,approvals,messages`, resumed with Last-Event-ID. A stream ends with its key or session. */
export function addFeeds(app: FastifyInstance, { ask, admit, owners, openStreams, options }: FeedParts): Streams {
  const topics = Object.keys(feeds);
  const states = new Map<string, StateFeed>();
  const logs = new Map<string, LogFeed>();
  for (const [topic, feed] of Object.entries(feeds)) {
    const parts = { ask, owners, pollMs: feed.pollMs ?? options.pollMs };
    if (feed.kind === 'log') logs.set(topic, createLogFeed(topic, feed, parts));
    else if (feed.kind === 'own') states.set(topic, createOwnFeed(topic, feed, parts));
    else states.set(topic, createStateFeed(topic, feed, { ...parts, leastMs: () => leastMs }));
  }
  /** @throws PolybError invalid_argument for an unknown topic, permission_denied. */
  function topicsFor(identity: Identity, given: string | undefined): ReadonlySet<string> {
    const mayFollow = (topic: string): boolean => {
      const feed = feeds[topic];
      return feed !== undefined && identity.allows(feed.scope, feed.people);
    };
    const asked = new Set(given === undefined ? ['runs', 'approvals'].filter(mayFollow) : given.split(','));
    for (const name of asked)
      if (!topics.includes(name))
        throw new PolybError('invalid_argument', `There is no topic ${name.slice(0, 40)}; expected some of ${topics.join(', ')}.`, {
          reason: 'bad_parameters',
        });
    const forbidden = [...asked].find((topic) => !mayFollow(topic));
    if (asked.size === 0 || forbidden !== undefined) throw deniedTo(identity, feeds[forbidden ?? 'approvals']?.people ?? personRoles);
    return asked;
  }

  /** Where to begin; undefined while the list cannot be read. @throws PolybError invalid_argument for an invalid cursor. */
  async function opened(feed: LogFeed, cursor: string | undefined): Promise<string | undefined> {
    try {
      return await feed.open(cursor);
    } catch (thrown) {
      if (thrown instanceof PolybError && thrown.code === 'invalid_argument') throw thrown;
      return undefined;
    }
  }
  /** Follows at once, or as soon as the list can be read: the other topics go on meanwhile. */
  function followLog(topic: string, feed: LogFeed, follower: Follower, found: string | undefined, asked: string | undefined): () => void {
    if (found !== undefined) return feed.follow(follower, found);
    let hasLeft = false;
    let leave = (): void => clearTimeout(timer);
    const again = async (): Promise<void> => {
      const cursor = await opened(feed, asked).catch(() => undefined);
      if (hasLeft) return;
      if (cursor !== undefined) leave = feed.follow(follower, cursor);
      else wait();
    };
    let timer: ReturnType<typeof setTimeout>;
    const wait = (): void => {
      follower.tell(staleItem(topic, 'unavailable'));
      timer = setTimeout(() => void again(), options.pollMs);
    };
    wait();
    return () => {
      hasLeft = true;
      leave();
    };
  }

  const path = '/api/v1/stream';
  app.get(path, async (request, reply) => {
    const identity = await admit({ scope: 'read', people: personRoles, path }, request, reply);
    const asked = topicsFor(identity, (request.query as { topics?: string }).topics?.toString());
    openStreams.requireRoom();
    const last = placeOf(request.headers['last-event-id']);
    const { time: since } = last;
    // Before the headers are sent: an invalid cursor is refused.
    const places = await Promise.all(
      [...logs]
        .filter(([topic]) => asked.has(topic))
        .map(async ([topic, feed]) => ({ topic, feed, cursor: await opened(feed, last.cursor) })),
    );

    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    // A connection kept alive for another request would delay closing.
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', connection: 'close' });
    raw.write('retry: 3000\n\n');
    const tell = ({ event, time, cursor, text }: FeedItem): void => {
      if (time !== undefined) last.time = time;
      if (cursor !== undefined) last.cursor = cursor;
      const id = time === undefined && cursor === undefined ? '' : `id: ${idOf(last)}\n`;
      // A follower that does not read is disconnected; it resumes after the last event it received.
      if (raw.writableLength > mostBytes) raw.destroy();
      else raw.write(`${id}event: ${event}\ndata: ${text}\n\n`);
    };
    const follower: Follower = {
      tell,
      isFull: () => raw.writableLength > fullBytes,
      manager: narrowedTo(identity.viewer),
      viewer: identity.viewer,
    };
    const leaves: (() => void)[] = [];
    const heartbeat = setInterval(() => raw.write(': alive\n\n'), options.heartbeatMs);
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      gone();
      clearInterval(heartbeat);
      for (const leave of leaves.splice(0)) leave();
      raw.end();
    };
    const gone = openStreams.add(identity, end);
    if (raw.destroyed) end();
    else raw.once('close', end);
    try {
      for (const { topic, feed, cursor } of places) leaves.push(followLog(topic, feed, follower, cursor, last.cursor));
      for (const [topic, feed] of states) if (asked.has(topic)) leaves.push(await feed.follow(follower, since));
    } catch {
      end(); // The headers are sent: the follower sees the end and reconnects after `retry`.
    }
    if (isOver) for (const leave of leaves.splice(0)) leave();
  });
  return {
    wake(address) {
      for (const [topic, { wakes }] of Object.entries(feeds))
        if (address === undefined || wakes?.some((event) => event.address === address)) (states.get(topic) ?? logs.get(topic))?.wake();
    },
  };
}
