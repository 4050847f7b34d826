import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { openStore, type PostgresStore } from '../../adapters/store/index.ts';
import { type TelegramFake, telegramFake } from '../../adapters/vendors/telegram/fake.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { testDatabase } from '../../test/kit/database.ts';
import { until } from '../../test/kit/world.ts';

const serve = fileURLToPath(new URL('../../runtime/serve.ts', import.meta.url));
const token = '7001:AAAA-test';
/** Each start of a daemon costs seconds of CPU. */
const [chains, kills] = [2, 3];
const patienceMs = 60_000;
const compiled = temporaryDir();
afterAll(() => rm(compiled, { recursive: true, force: true }));

const reaching = ({ url }: TelegramFake) => ({ TELEGRAM_API_ROOT: url, HTTP_ALLOW_PRIVATE: url });

/** The daemon as it runs in production. */
async function collector(env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [serve, 'collector'], {
    env: { ...process.env, ...env, NODE_COMPILE_CACHE: compiled, LOG_LEVEL: 'error', TELEGRAM_BOT_TOKENS: token },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'spawn');
  return child;
}
async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
/** The test does not wait for the lease of a dead process. */
const freeLease = (store: PostgresStore) => store.query('update journal.loops set held_by = null, lease_until = null');

/** One that ends in peace leaves its compiled code to those that will not. */
async function warmUp(): Promise<void> {
  const database = await testDatabase();
  const telegram = await telegramFake({ tokens: [token] });
  const child = await collector({ DATABASE_URL: database.url, ...reaching(telegram), POLYB_SUBJECT_PREFIX: 'warm' });
  await until(() => telegram.asked.find(({ method }) => method === 'getUpdates'), patienceMs);
  await end(child, 'SIGTERM');
  await telegram.close();
  await database.drop();
}

/** Kills a collector repeatedly while received updates are uncommitted, then checks the outcome. */
async function torment(chain: number): Promise<{ stored: readonly string[]; told: number; expected: readonly string[]; asked: number }> {
  const database = await testDatabase();
  const store = openStore({ url: database.url, name: 'test', log: quiet });
  const telegram: TelegramFake = await telegramFake({ tokens: [token] });
  const env = { DATABASE_URL: database.url, ...reaching(telegram), POLYB_SUBJECT_PREFIX: `kill${chain}` };
  const expected: string[] = [];
  let child = await collector(env);
  try {
    for (let round = 0; round < kills; round += 1) {
      // While the table is locked, received updates cannot be committed.
      const lock = await store.begin();
      await lock.query('lock table collector.raw_updates in access exclusive mode');
      for (let n = 0; n < 3; n += 1) {
        expected.push(`${round}.${n}`);
        telegram.say(token, 42 + n, `${round}.${n}`);
      }
      await until(
        async () =>
          (await store.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length > 0 ||
          null,
        patienceMs,
      );
      await end(child, 'SIGKILL');
      await lock.rollback();
      await freeLease(store);
      child = await collector(env);
    }
    await until(() => telegram.unconfirmed(token).length === 0 || null, patienceMs);
    const rows = await store.query<{ text: string }>('select text from collector.messages order by seq');
    const events = await store.query(`select from journal.events where event = 'inbox.message_received'`);
    return {
      stored: rows.map(({ text }) => text),
      told: events.length,
      expected,
      asked: telegram.asked.filter(({ method }) => method === 'getUpdates').length,
    };
  } finally {
    await end(child, 'SIGKILL');
    await telegram.close();
    await store.close();
    await database.drop();
  }
}

test('killed again and again between receiving and committing, the collector loses nothing and doubles nothing', async () => {
  await warmUp();
  const outcomes = await Promise.all(Array.from({ length: chains }, (_, chain) => torment(chain)));
  for (const { stored, told, expected, asked } of outcomes) {
    expect(stored).toEqual(expected);
    expect(told).toBe(expected.length);
    expect(asked).toBeGreaterThan(kills);
  }
});
