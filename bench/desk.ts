/**
 * From a change in the database to the browsers that follow the event stream of HTTP, each told only what its person may see, over NATS and
 * PostgreSQL with its default durability. A change is a draft that waits for approval, or one that was rejected.
 */
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { telegramFake } from '../adapters/vendors/telegram/fake.ts';
import { type BusHost, createBus } from '../bus/bus.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { inbox } from '../contracts/inbox.ts';
import { journal } from '../contracts/journal.ts';
import { messages } from '../contracts/messages.ts';
import { people } from '../contracts/people.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { warm } from '../scripts/cli/system/warm.ts';
import { freePort } from '../scripts/infra/ready.ts';
import { startNats, startPostgres } from '../scripts/infra/start.ts';
import { temporaryDir } from '../scripts/infra/temporary.ts';
import { forkDaemon, stopDaemon } from './daemons.ts';
import { cpuUs } from './process-cpu.ts';
import { monotonicMs, play, type Role, start } from './roles.ts';

const token = '7001:AAAA-bench';
const [managers, streamsEach] = [20, 10];
/** Half of the chats have a manager, half nobody. */
const chats = 40;
/** Drafts that wait meanwhile. */
const waiting = 30;
/** What the desk of a manager follows. */
const topics = 'counters,approvals,reviews,calls,messages';

export interface DeskFigures {
  readonly changesPerSecond: number;
  readonly followers: number;
  readonly received: number;
  readonly missing: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** CPU of the gateway, in parts of a core; without followers, and with them. */
  readonly gatewayCpu: { readonly alone: number; readonly followed: number };
}

export async function benchDesk({ seconds = 20 }: { readonly seconds?: number } = {}): Promise<readonly DeskFigures[]> {
  const dir = temporaryDir();
  const nats = await startNats({ dir: join(dir, 'nats'), temporary: true });
  const postgres = await startPostgres({ dir: join(dir, 'postgres'), durable: true, temporary: true });
  const telegram = await telegramFake({ tokens: [token] });
  const children: ChildProcess[] = [];
  const url = Object.assign(new URL(postgres.url), { pathname: '/bench' }).href;
  let followers: Role | undefined;
  try {
    await migrate({ url });
    await warm(AbortSignal.timeout(120_000));
    const port = await freePort();
    const env = {
      ...{ NATS_URL: nats.url, DATABASE_URL: url, LOG_LEVEL: 'error' },
      POLYB_SECRET_KEY: 'the secret key of the benchmark of the desk',
      ...{ TELEGRAM_BOT_TOKENS: token, TELEGRAM_API_ROOT: telegram.url, HTTP_ALLOW_PRIVATE: telegram.url },
      ...{ GATEWAY_PORT: String(port), GATEWAY_RATE_LIMIT: '100000' },
    };
    const [gateway] = await Promise.all([
      forkDaemon(['gateway'], env, children),
      forkDaemon(['journal', 'collector', 'sender', 'call-orchestrator'], env, children),
    ]);
    const transport = await connectNats({ servers: nats.url, name: 'operator', inboxUser: 'operator', log: quiet });
    const bus = createBus({ transport, name: 'operator', log: quiet });
    try {
      const desk = await furnished(bus, telegram, port);
      followers = await start(fileURLToPath(import.meta.url), ['followers']);
      const figures: DeskFigures[] = [];
      for (const perSecond of [2, 20]) {
        const before = cpuUs(gateway.pid);
        await changes(bus, desk.chatIds, { perSecond, seconds });
        const alone = (cpuUs(gateway.pid) - before) / (seconds * 1_000_000);
        await followers.ask('follow', { port, cookies: desk.cookies });
        const began = cpuUs(gateway.pid);
        const made = await changes(bus, desk.chatIds, { perSecond, seconds });
        const followed = (cpuUs(gateway.pid) - began) / (seconds * 1_000_000);
        await delay(2_000); // What is told later is missing.
        const heard = await followers.ask<Heard>('heard');
        const took = made.flatMap((change) => {
          const owner = desk.owners.get(change.chatId);
          const who = owner === undefined ? [...desk.cookies.keys()] : [owner];
          return who.flatMap((manager) =>
            Array.from({ length: streamsEach }, (_, nth) => {
              const at = heard[manager * streamsEach + nth]?.[`${change.id} ${change.isGone ? 'gone' : 'waits'}`];
              return at === undefined ? null : Math.max(0, at - change.at);
            }),
          );
        });
        const received = took.filter((ms) => ms !== null).sort((a, b) => a - b);
        const at = (share: number): number => Math.round(received[Math.floor(received.length * share)] ?? Number.NaN);
        figures.push({
          ...{ changesPerSecond: perSecond, followers: managers * streamsEach },
          ...{ received: received.length, missing: took.length - received.length, p50Ms: at(0.5), p95Ms: at(0.95) },
          gatewayCpu: { alone: Number(alone.toFixed(3)), followed: Number(followed.toFixed(3)) },
        });
      }
      return figures;
    } finally {
      await bus.close();
    }
  } finally {
    await followers?.stop();
    for (const child of children) await stopDaemon(child);
    await telegram.close();
    await nats.stop();
    await postgres.stop();
  }
}

interface Desk {
  /** Of the session of each manager. */
  readonly cookies: readonly string[];
  readonly chatIds: readonly string[];
  /** The manager of each chat that has one, by their place in `cookies`. */
  readonly owners: ReadonlyMap<string, number>;
}
/** Managers who have logged in, and chats of theirs and of nobody. */
async function furnished(bus: BusHost, telegram: Awaited<ReturnType<typeof telegramFake>>, port: number): Promise<Desk> {
  const onBehalfOf = 'bench';
  const origin = `http://127.0.0.1:${port}`;
  const cookies: string[] = [];
  for (let nth = 0; nth < managers; nth += 1) {
    const invitation = randomBytes(32).toString('base64url');
    const tokenHash = createHash('sha256').update(invitation).digest('hex');
    await bus.call(people.invite, { personId: `manager${nth}`, name: `M${nth}`, role: 'manager', tokenHash, onBehalfOf });
    const accepted = await fetch(`${origin}/api/v1/session/accept`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify({ token: invitation, password: 'a long password' }),
      signal: AbortSignal.timeout(30_000),
    });
    const [cookie = ''] = accepted.headers.getSetCookie()[0]?.split(';') ?? [];
    if (cookie === '') throw new Error(`manager ${nth} was not let in: ${await accepted.text()}`);
    cookies.push(cookie);
  }
  for (let nth = 0; nth < chats; nth += 1) telegram.say(token, 5_000 + nth, 'Здравствуйте! Когда приедет курьер?');
  let chatIds: readonly string[] = [];
  for (const until = performance.now() + 60_000; chatIds.length < chats; await delay(50)) {
    if (performance.now() > until) throw new Error('the chats did not come within a minute');
    chatIds = (await bus.call(inbox.list_chats, { limit: 200 })).items.map(({ chatId }) => chatId);
  }
  const owners = new Map(chatIds.flatMap((chatId, nth): [string, number][] => (nth % 2 === 0 ? [[chatId, nth % managers]] : [])));
  for (const [chatId, owner] of owners) await bus.call(inbox.assign_chat, { chatId, personId: `manager${owner}`, onBehalfOf });
  return { cookies, chatIds, owners };
}

interface Change {
  readonly id: string;
  readonly chatId: string;
  readonly isGone: boolean;
  /** When it was committed: when the call that made it was answered. */
  readonly at: number;
}
let drafts = 0;
const open: { readonly id: string; readonly chatId: string }[] = [];
/** Drafts are made and rejected in turn, at a steady pace. */
async function changes(
  bus: BusHost,
  chatIds: readonly string[],
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<readonly Change[]> {
  const draft = async (): Promise<Change> => {
    const chatId = chatIds[drafts++ % chatIds.length] as string;
    const text = `Иван, курьер будет до ${drafts}.`;
    const { id } = await bus.call(messages.send_message, { chatId, text, onBehalfOf: 'bench' }, { key: `draft-${process.pid}-${drafts}` });
    open.push({ id, chatId });
    return { id, chatId, isGone: false, at: monotonicMs() };
  };
  const reject = async (): Promise<Change> => {
    const oldest = open.shift();
    if (oldest === undefined) throw new Error('no draft waits');
    await bus.call(journal.reject, { id: oldest.id, why: 'bench', onBehalfOf: 'bench' });
    return { ...oldest, isGone: true, at: monotonicMs() };
  };
  while (open.length < waiting) await draft();
  const made: Promise<Change>[] = [];
  const began = performance.now();
  for (let nth = 0; nth < perSecond * seconds; nth += 1) {
    await delay(Math.max(0, began + (nth * 1_000) / perSecond - performance.now()));
    made.push(nth % 2 === 0 ? draft() : reject());
  }
  return Promise.all(made);
}

/** For each follower: when it heard of each change. */
type Heard = readonly Readonly<Record<string, number>>[];
function playFollowers(): void {
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  let heard: Record<string, number>[] = [];
  let leave: (() => void)[] = [];
  const follow = (port: number, cookie: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const mine: Record<string, number> = {};
      heard.push(mine);
      const request = get({ agent, host: '127.0.0.1', port, path: `/api/v1/stream?topics=${topics}`, headers: { cookie } }, (response) => {
        if (response.statusCode !== 200) return reject(new Error(`a follower was refused with ${response.statusCode}`));
        let rest = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          const events = `${rest}${text}`.split('\n\n');
          rest = events.pop() ?? '';
          for (const each of events) {
            const [, data] = /^event: approvals\ndata: (.*)$/m.exec(each) ?? [];
            if (data === undefined) continue;
            const { id, state } = JSON.parse(data) as { readonly id: string; readonly state: string };
            mine[`${id} ${state === 'gone' ? 'gone' : 'waits'}`] ??= monotonicMs();
          }
        });
        response.on('error', () => {});
        resolve();
      });
      request.once('error', reject);
      leave.push(() => request.destroy());
    });
  play({
    async follow({ port, cookies }: { readonly port: number; readonly cookies: readonly string[] }) {
      for (const cookie of cookies) for (let nth = 0; nth < streamsEach; nth += 1) await follow(port, cookie);
    },
    async heard() {
      for (const each of leave) each();
      const all = heard;
      [heard, leave] = [[], []];
      return all;
    },
  });
}

if (process.argv[2] === 'followers') playFollowers();
else if (import.meta.main) console.log(JSON.stringify(await benchDesk(), null, 1));
