import { startNats, startPostgres } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { makeTemplate } from './database.ts';

const stops: (() => Promise<void>)[] = [];

/** Jest's globalSetup: one nats-server and one PostgreSQL for all test files, found by them through the environment. */
export default async function setup(): Promise<void> {
  const starts = [
    startNats({ dir: temporaryDir(), temporary: true }),
    // Every test has a database of its own, and a copy in memory takes a third of the time.
    startPostgres({ dir: temporaryDir({ inMemory: true }), temporary: true, durable: false }),
  ] as const;
  for (const start of starts) void start.then(({ stop }) => stops.push(stop)).catch(() => {}); // thrown below
  try {
    const [nats, postgres] = await Promise.all(starts);
    process.env.NATS_URL = nats.url;
    process.env.DATABASE_URL = postgres.url;
    await makeTemplate(postgres.url);
  } catch (error) {
    await Promise.allSettled(starts);
    await stopServers();
    throw error;
  }
}

/** Ends what `setup` started; without harm when it started nothing. */
export async function stopServers(): Promise<void> {
  await Promise.all(stops.map((stop) => stop()));
}
