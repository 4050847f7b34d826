import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { BusHost } from '../../bus/bus.ts';
import { gateway } from '../../contracts/gateway.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { messages } from '../../contracts/messages.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { findBrowser, openBrowser, type Page } from '../kit/browser.ts';
import { follow } from '../kit/stream.ts';
import { visitors } from '../kit/visit.ts';
import { insist } from './approval-desk.ts';
import { eventually, openGround } from './ground.ts';
import { killableNats, killableService, ownPostgres, strikes } from './killable.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const tabs = 8;
const draftsAStrike = 3;
const backWithinMs = 60_000;

export const t27: FaultTest = {
  id: 'T27',
  title: `${tabs} tabs of a manager while gateway, pipelines, nats-server and PostgreSQL are killed under them: each draft is shown once in each, and none can be decided while a tab is without news`,
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    await using postgres = await ownPostgres(signal, options.evidence);
    await using ground = await openGround({ ...options, database: postgres.database });
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const env = {
      NATS_URL: ground.natsUrl,
      DATABASE_URL: ground.databaseUrl,
      LOG_LEVEL: 'error',
      GATEWAY_PORT: String(port),
      GATEWAY_RATE_LIMIT: '1000000',
      CRM_KIND: 'memory',
    };
    for (const name of ['journal', 'collector', 'sender', 'crm-connector', 'call-orchestrator', 'telephony-gateway'])
      await killableService(ground, name, env);
    const victims = [
      await killableService(ground, 'gateway', env),
      await killableService(ground, 'pipelines', env),
      killableNats(ground),
      postgres,
    ];
    const bus = await ground.client();
    const desk = control ? await naiveTab(bus, origin) : await openTabs(bus, origin);
    let drafts = 0;
    const slowestMs: Record<string, number> = {};
    let decidable = 0;
    try {
      const plan = strikes(random, victims, full ? 10 : 1);
      await write(bus, drafts++, signal);
      // Without a row that was shown before, a kill of the gateway could show nothing twice.
      const first = await waiting(bus, signal);
      await eventually(async () => (await desk.wrong(first)) === 0, backWithinMs, signal);
      for (const victim of plan) {
        await victim.kill();
        // Long enough for a tab to notice; some kills change nothing for it.
        await delay(random.int(2_000, 4_000), undefined, { signal });
        decidable += await desk.decidableWithoutNews();
        await victim.restart();
        const began = performance.now();
        for (let n = 0; n < draftsAStrike; n += 1) await write(bus, drafts++, signal);
        const expected = await waiting(bus, signal);
        const isBack = await eventually(async () => (await desk.wrong(expected)) === 0, control ? 5_000 : backWithinMs, signal);
        const ms = Math.round(performance.now() - began);
        slowestMs[victim.name] = Math.max(slowestMs[victim.name] ?? 0, ms);
        log(`${victim.name} was killed: ${isBack ? `all is shown ${ms} ms after it was back` : 'something is missing or shown twice'}`);
      }
      const wrong = await desk.wrong(await waiting(bus, signal));
      const harm = wrong + decidable;
      return {
        ok: harm === 0,
        harm,
        tabs,
        drafts,
        kills: plan.length,
        missedOrTwice: wrong,
        decidableWithoutNews: decidable,
        ...slowest(slowestMs),
      };
    } finally {
      await desk.close();
    }
  },
};
const slowest = (byName: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(byName).map(([name, ms]) => [`${name} backMs`, ms]));

/** A customer writes, and an answer waits for approval. Each has a chat of its own. */
async function write(bus: BusHost, nth: number, signal: AbortSignal): Promise<void> {
  const once = { timeoutMs: 5_000, retry: false };
  const { value: stored } = await insist(
    () =>
      bus.call(
        inbox.put_message,
        { from: `visitor-${nth}`, messageId: `message-${nth}`, text: 'Есть ли розы?' },
        { ...once, key: `message-${nth}` },
      ),
    signal,
  );
  await insist(
    () => bus.call(messages.send_message, { chatId: stored.chatId, text: 'Да, розы есть.' }, { ...once, key: `draft-${nth}` }),
    signal,
  );
}
async function waiting(bus: BusHost, signal: AbortSignal): Promise<readonly string[]> {
  const { value } = await insist(() => bus.call(journal.list, { view: 'approvals', limit: 200 }), signal);
  return value.items.map(({ id }) => id).sort();
}

interface DeskUnderTest {
  /** Rows that a tab misses or shows twice, of all tabs. */
  wrong(expected: readonly string[]): Promise<number>;
  /** Tabs that may decide although they say that they are without news. */
  decidableWithoutNews(): Promise<number>;
  close(): Promise<void>;
}

async function openTabs(bus: BusHost, origin: string): Promise<DeskUnderTest> {
  const program = findBrowser();
  if (program === null) throw new Error('This test needs Chromium: apt-get install chromium.');
  const browser = await openBrowser(program);
  const first = await visitors({ origin, world: { bus } }, browser).arrive('anna', 'manager');
  const pages: Page[] = [first];
  await first.value(`location.href = '${origin}/desk/approvals'`);
  while (pages.length < tabs) pages.push(await browser.open(`${origin}/desk/approvals`, { profile: 'anna' }));
  for (const page of pages) await page.look({ width: 1280, height: 2_000, scheme: 'light' });
  return {
    async wrong(expected) {
      let count = 0;
      for (const page of pages) {
        // New rows wait behind a button while others are shown.
        await page.value(`document.querySelector('.fresh')?.click()`);
        const isLive = await page.value(`document.querySelector('header')?.innerText.includes('на связи') === true`);
        const shown = (await page.value(`[...document.querySelectorAll('[data-row]')].map((row) => row.dataset.row)`)) as string[];
        count += isLive === true ? difference(expected, shown) : expected.length;
      }
      return count;
    },
    async decidableWithoutNews() {
      const found = await Promise.all(
        pages.map((page) =>
          page.value(
            `document.querySelector('header')?.innerText.includes('на связи') === false && document.querySelector('.detail button.primary')?.disabled === false`,
          ),
        ),
      );
      return found.filter((is) => is === true).length;
    },
    close: () => browser.close(),
  };
}
/** The protection off: a page that adds what the stream says and reads nothing again. */
async function naiveTab(bus: BusHost, origin: string): Promise<DeskUnderTest> {
  const keyId = `pk_${randomBytes(6).toString('hex')}`;
  const secret = randomBytes(24).toString('base64url');
  const secretHash = createHash('sha256').update(secret).digest('hex');
  await bus.call(gateway.create_key, { keyId, secretHash, client: 'naive', scopes: ['read', 'send'], expiresAt: null });
  const rows: string[] = [];
  const closing = new AbortController();
  const following = (async () => {
    while (!closing.signal.aborted) {
      const one = await follow(origin, 'approvals', { 'x-api-key': `${keyId}.${secret}` }).catch(() => null);
      let told = 0;
      while (one !== null && !one.isOver() && !closing.signal.aborted) {
        for (const { event, data } of one.heard.slice(told)) if (event === 'approvals') rows.push(String((data as { id?: unknown }).id));
        told = one.heard.length;
        await delay(50);
        // A connection that was cut ends with an error, which `follow` does not report.
        if (!(await isReachable(origin))) break;
      }
      one?.leave();
      await delay(200);
    }
  })();
  return {
    wrong: async (expected) => difference(expected, rows),
    decidableWithoutNews: async () => 0,
    async close() {
      closing.abort();
      await following;
    },
  };
}
const isReachable = (origin: string): Promise<boolean> =>
  fetch(`${origin}/health`, { signal: AbortSignal.timeout(2_000) }).then(
    () => true,
    () => false,
  );
function difference(expected: readonly string[], shown: readonly string[]): number {
  const missing = expected.filter((id) => !shown.includes(id)).length;
  return missing + shown.length - new Set(shown).size;
}
