import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { BusHost } from '../../bus/bus.ts';
import { inbox } from '../../contracts/inbox.ts';
import { freePort } from './free-port.ts';
import { openGround } from './ground.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const token = '7001:AAAA-test';
const secret = 'the-secret-of-today-0001';
const oldSecret = 'the-secret-of-yesterday-0001';
const appSecret = 'app-secret-of-today';
const senders = 24;

type Channel = 'telegram' | 'whatsapp';
interface Post {
  readonly channel: Channel;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Undefined for what is forged. */
  readonly nth: number | undefined;
}

export const t14: FaultTest = {
  id: 'T14',
  title: 'webhooks that are repeated, out of order, forged, altered in a byte or proved with an old secret, while the collector is killed',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const good = full ? 300_000 : control ? 500 : 2_500;
    await using ground = await openGround(options);
    const port = await freePort();
    const env = {
      NATS_URL: ground.natsUrl,
      DATABASE_URL: ground.databaseUrl,
      LOG_LEVEL: 'error',
      TELEGRAM_BOT_TOKENS: token,
      TELEGRAM_MODE: 'webhook',
      TELEGRAM_WEBHOOK_SECRET: secret,
      WHATSAPP_APP_SECRET: appSecret,
      GATEWAY_PORT: String(port),
    };
    const start = (folder: string) => ground.start({ file: '../serve.ts', args: [folder], env });
    let collector = await start('collector');
    await using door = control ? await carelessDoor(await ground.client()) : await gatewayDoor(() => start('gateway'), port);

    const posts = random.shuffled(
      Array.from({ length: good }, (_, nth): Post[] => {
        const post = genuine(nth);
        const repeats = Array.from({ length: random.chance(0.3) ? random.int(1, 3) : 0 }, () => post);
        return [post, ...repeats, ...(random.chance(0.5) ? [forged(random, nth)] : [])];
      }).flat(),
    );
    const times: number[] = [];
    const counts = { posts: posts.length, forgedPosts: 0, forgedAccepted: 0, kills: 0, repeatedByUs: 0 };
    const finished = new AbortController();
    const striking = (async () => {
      while (!finished.signal.aborted && counts.kills < (full ? 50 : 4)) {
        await delay(random.int(500, 1_500), undefined, { signal });
        if (finished.signal.aborted) return;
        collector.kill('SIGKILL');
        counts.kills += 1;
        collector = await start('collector');
      }
    })();
    striking.catch(() => {}); // awaited below, unless something else fails before it
    const patience = AbortSignal.any([signal, AbortSignal.timeout(full ? 1_800_000 : 90_000)]);
    await Promise.all(
      Array.from({ length: senders }, async () => {
        for (let post = posts.pop(); post !== undefined; post = posts.pop()) {
          const isForged = post.nth === undefined;
          if (isForged) counts.forgedPosts += 1;
          // A channel delivers again until it is answered with 200; who forges tries as often as his lot needs.
          for (;;) {
            const began = performance.now();
            const status = await deliver(door.url, post, patience);
            times.push(performance.now() - began);
            if (isForged && status === 200) counts.forgedAccepted += 1;
            if (status === 200 || (isForged && status < 500)) break;
            if (!isForged) counts.repeatedByUs += 1;
            await delay(100, undefined, { signal: patience });
          }
        }
      }),
    );
    finished.abort();
    await striking;
    await door.idle();

    const rows = await ground.store.query<{ text: string; n: number }>(
      'select text, count(*)::int as n from collector.messages group by text',
    );
    const told = await ground.store.query<{ n: number }>(
      `select count(*)::int as n from journal.events where event = 'inbox.message_received' group by payload->>'messageId' having count(*) > 1`,
    );
    const [raw] = await ground.store.query<{ n: number }>(
      `select count(*)::int as n from collector.raw_updates where body ilike '%forged%'`,
    );
    const stored = new Map(rows.map(({ text, n }) => [text, n]));
    const lost = Array.from({ length: good }, (_, nth) => stored.get(textOf(nth))).filter((n) => n === undefined).length;
    const twice = rows.filter(({ text, n }) => n > 1 && !text.startsWith('forge')).length + told.length;
    const forgedStored = rows.filter(({ text }) => text.startsWith('forge')).length + (raw?.n ?? 0);
    const harm = counts.forgedAccepted + forgedStored + lost + twice;
    const p99 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
    log(`of ${times.length} answers 99% came within ${Math.round(p99)} ms`);
    return {
      ok: harm === 0,
      harm,
      genuine: good,
      ...counts,
      forgedStored,
      lost,
      twice,
      ackP50Ms: Math.round(times[Math.floor(times.length / 2)] ?? 0),
      ackP99Ms: Math.round(p99),
    };
  },
};

const textOf = (nth: number): string => `genuine ${nth}`;
const signatureOf = (body: string, key: string): string => `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;

function telegramBody(nth: number, text: string): string {
  const person = { id: 1_000 + (nth % 50), first_name: 'Клиент' };
  const message = {
    message_id: nth + 1,
    date: 1_780_000_000 + nth,
    chat: { ...person, type: 'private' },
    from: { ...person, is_bot: false },
    text,
  };
  return JSON.stringify({ update_id: nth + 1, message });
}
function whatsappBody(nth: number, text: string): string {
  const from = `7999000${String(nth % 50).padStart(4, '0')}`;
  const messages = [{ from, id: `wamid.${text}.${nth}`, timestamp: String(1_780_000_000 + nth), type: 'text', text: { body: text } }];
  const value = {
    messaging_product: 'whatsapp',
    metadata: { phone_number_id: '5550001' },
    contacts: [{ profile: { name: 'Анна' }, wa_id: from }],
    messages,
  };
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value }] }] });
}
function genuine(nth: number): Post {
  if (nth % 2 === 0)
    return { channel: 'telegram', nth, body: telegramBody(nth, textOf(nth)), headers: { 'x-telegram-bot-api-secret-token': secret } };
  const body = whatsappBody(nth, textOf(nth));
  return { channel: 'whatsapp', nth, body, headers: { 'x-hub-signature-256': signatureOf(body, appSecret) } };
}
/** Under numbers that no genuine one has, so that what is stored of it shows. */
function forged(random: Random, nth: number): Post {
  const other = 10_000_000 + nth;
  const text = `forged ${nth}`;
  const telegram = (headers: Post['headers']): Post => ({ channel: 'telegram', nth: undefined, body: telegramBody(other, text), headers });
  const body = whatsappBody(other, text);
  const whatsapp = (headers: Post['headers'], altered = body): Post => ({ channel: 'whatsapp', nth: undefined, body: altered, headers });
  const right = signatureOf(body, appSecret);
  return random.pick([
    () => telegram({}),
    () => telegram({ 'x-telegram-bot-api-secret-token': oldSecret }),
    () => telegram({ 'x-telegram-bot-api-secret-token': `${secret.slice(0, -1)}2` }),
    () => telegram({ 'x-telegram-bot-api-secret-token': secret.toUpperCase() }),
    () => telegram({ 'x-telegram-bot-api-secret-token': token }),
    () => whatsapp({}),
    () => whatsapp({ 'x-hub-signature-256': signatureOf(body, 'app-secret-of-yesterday') }),
    () => whatsapp({ 'x-hub-signature-256': right.slice(0, -2) }),
    () => whatsapp({ 'x-hub-signature-256': right.replace('sha256=', '') }),
    () => whatsapp({ 'x-hub-signature-256': `sha1=${createHmac('sha1', appSecret).update(body).digest('hex')}` }),
    () => whatsapp({ 'x-hub-signature-256': right }, body.replace('forged', 'forgeD')),
    () => whatsapp({ 'x-hub-signature-256': right }, `${body} `),
  ])();
}

async function deliver(url: string, { channel, headers, body }: Post, signal: AbortSignal): Promise<number> {
  try {
    const answer = await fetch(`${url}/api/v1/${channel}/webhook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      signal,
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch (thrown) {
    signal.throwIfAborted();
    if (Error.isError(thrown)) return 599; // no answer came
    throw thrown;
  }
}

interface Door extends AsyncDisposable {
  readonly url: string;
  /** When nothing is on its way any more. */
  idle(): Promise<void>;
}
async function gatewayDoor(start: () => Promise<unknown>, port: number): Promise<Door> {
  await start();
  return { url: `http://127.0.0.1:${port}`, idle: async () => {}, async [Symbol.asyncDispose]() {} };
}
/** Proves nothing, and answers before anything is stored. */
async function carelessDoor(bus: BusHost): Promise<Door> {
  const underWay = new Set<Promise<unknown>>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(200).end();
    const body = Buffer.concat(chunks);
    const method = request.url?.includes('telegram') ? inbox.telegram_webhook : inbox.whatsapp_webhook;
    const headers = { 'x-telegram-bot-api-secret-token': secret, 'x-hub-signature-256': signatureOf(body.toString(), appSecret) };
    const work = bus.call(method, { headers, body }, { timeoutMs: 2_000, retry: false }).catch(() => {}); // it was answered long ago
    underWay.add(work);
    void work.then(() => underWay.delete(work));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    idle: async () => void (await Promise.all(underWay)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
