import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import { type JournalAdmin, journalAdmin } from '../../adapters/store/journal-admin.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import type { Child } from './child.ts';
import { eventually, type Ground, openGround } from './ground.ts';
import { poison } from './poison.ts';
import type { PoisonSetup } from './poison-worker.ts';
import { type Random, randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const pace = { leaseMs: 1_500, renewMs: 400, idleMs: 150 };
const operators = 3;
/** Commits of an idle system beside those of runs that look again without a pause, which make thousands. */
const commitsPerSecond = 300;

export const t21: FaultTest = {
  id: 'T21',
  title: 'operators who cancel, retry, approve and reject runs and their parts at random while workers are killed',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const runs = full ? 400 : 30;
    await using ground = await openGround(options);
    const desk = journalAdmin(ground.store);
    const setup: z.input<typeof PoisonSetup> = {
      natsUrl: ground.natsUrl,
      databaseUrl: ground.databaseUrl,
      pace,
      stallMs: 1,
      hasPoisonLoop: false,
    };
    const start = (): Promise<Child> => ground.start({ file: './poison-worker.ts', args: [JSON.stringify(setup)] });
    const crew = [await start(), await start()];
    const bus = await ground.client();
    const ids: string[] = [];
    for (let nth = 0; nth < runs; nth += 1) {
      const { runId } = await bus.call(poison.patience, { item: `item ${nth}`, harm: 'none' }, { key: `item ${nth}`, signal });
      ids.push(runId);
    }
    const retry = control ? (id: string) => formerRetry(ground, id) : (id: string) => desk.retry(id, me);
    const counts = { deeds: 0, refused: 0, kills: 0 };
    const overAt = performance.now() + (full ? 300_000 : 12_000);
    const working = Array.from({ length: operators }, async (_, nth) => {
      const own = randomFrom(seed + nth + 1);
      while (performance.now() < overAt) {
        const did = await deed(ground, desk, own, own.pick(ids), retry);
        counts.deeds += 1;
        if (!did) counts.refused += 1;
        await delay(own.int(5, 60), undefined, { signal });
      }
    });
    const killing = (async () => {
      while (performance.now() < overAt) {
        await delay(random.int(2_000, 4_000), undefined, { signal });
        const place = random.int(0, crew.length - 1);
        crew[place]?.kill('SIGKILL');
        crew[place] = await start();
        counts.kills += 1;
      }
    })();
    await Promise.all([...working, killing]);

    // From here on nobody cancels any more: each run is retried where it ended, and comes to its end.
    const commits = await commitRate(ground, signal);
    const finish = async (): Promise<boolean> => {
      const rows = await ground.store.query<{ id: string; state: string; item: string }>(
        `select id, state, input->>'item' as item from journal.rows where id = any ($1) and state <> 'done'`,
        [ids],
      );
      for (const { id, state, item } of rows) {
        if (['failed', 'cancelled', 'expired'].includes(state)) await pressed(() => retry(id));
        for (const part of await partsOf(ground, id)) if (part.state === 'proposed') await pressed(() => desk.approve(part.id, null, me));
        crew.find((worker) => worker.alive)?.send({ tell: item });
      }
      await delay(300, undefined, { signal });
      return rows.length === 0;
    };
    await eventually(finish, control ? 15_000 : full ? 600_000 : 90_000, signal);
    const stuck = await ground.store.query<{ state: string; error: unknown }>(
      `select state, error from journal.rows where id = any ($1) and state <> 'done'`,
      [ids],
    );
    for (const { state, error } of stuck.slice(0, 10)) log(`stuck: ${state} ${JSON.stringify(error)}`);
    const spins = commits > commitsPerSecond;
    return {
      ok: stuck.length === 0 && !spins && counts.kills > 0,
      harm: stuck.length + (spins ? 1 : 0),
      runs,
      ...counts,
      stuck: stuck.length,
      commitsPerSecond: commits,
    };
  },
};

const me = { who: 'an operator', did: 'decided' };
const partsOf = ({ store }: Ground, run: string) =>
  store.query<{ id: string; state: string; step: string }>('select id, state, step from journal.rows where parent = $1 order by seq', [
    run,
  ]);

/** One deed of a person; false when the state did not allow it. */
async function deed(
  ground: Ground,
  desk: JournalAdmin,
  random: Random,
  run: string,
  retry: (id: string) => Promise<boolean>,
): Promise<boolean> {
  const parts = await partsOf(ground, run);
  const part = parts.length === 0 ? undefined : random.pick(parts);
  const what = random.pick(['cancel', 'retry', 'retry', 'part', 'from', 'approve', 'reject'] as const);
  return pressed(async () => {
    switch (what) {
      case 'cancel':
        return await desk.cancel(run, me);
      case 'retry':
        return await retry(run);
      case 'part':
        return part !== undefined && (await desk.cancel(part.id, me));
      case 'from':
        return part?.step === 'digested' && (await desk.retryFrom(run, part.step, { item: 'edited', harm: 'none' }, me)) === null;
      case 'approve':
        return part !== undefined && (await desk.approve(part.id, null, me));
      case 'reject':
        return part !== undefined && (await desk.reject(part.id, me));
    }
  });
}
/** PostgreSQL ends one of two that wait for each other; the operator presses again. */
async function pressed(did: () => Promise<boolean>): Promise<boolean> {
  try {
    return await did();
  } catch (thrown) {
    if (!isPolybError(thrown) && (thrown as { code?: string }).code === '40P01') return false;
    throw thrown;
  }
}

/** The protection off: the run goes back to its queue, and its ended parts stay ended. */
async function formerRetry({ store }: Ground, id: string): Promise<boolean> {
  const rows = await store.query(
    `update journal.rows set state = 'queued', not_before = now(), ended_at = null, error = null, attempts = 1
     where id = $1 and state in ('failed', 'expired', 'cancelled') returning id`,
    [id],
  );
  return rows.length === 1;
}

async function commitRate({ store }: Ground, signal: AbortSignal): Promise<number> {
  const read = async (): Promise<number> =>
    (await store.query<{ n: number }>(`select xact_commit::int as n from pg_stat_database where datname = current_database()`))[0]?.n ?? 0;
  await delay(2_000, undefined, { signal }); // what the last deeds moved comes to rest
  const before = await read();
  await delay(3_000, undefined, { signal });
  return Math.round(((await read()) - before) / 3);
}
