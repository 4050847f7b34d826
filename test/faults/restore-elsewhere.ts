/** The database moves to a younger PostgreSQL cluster in the midst of its work: every event is still heard once by its consumer. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { memoryCache } from '../../adapters/cache/memory.ts';
import { openStore, type PostgresStore } from '../../adapters/store/index.ts';
import { createBus } from '../../bus/bus.ts';
import { on, service } from '../../bus/service.ts';
import { memoryBroker } from '../../bus/transports/memory.ts';
import { read } from '../../config/read.ts';
import { contract, event, method } from '../../contracts/kit/define.ts';
import { host } from '../../runtime/host.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { secretKeyFrom } from '../../runtime/secret-key.ts';
import { flatGroups, groupsOf } from '../../runtime/services.ts';
import { backup, restore } from '../../scripts/cli/commands/backup.ts';
import { type FlagValues, flagsOf } from '../../scripts/cli/kernel/flags.ts';
import { createOutput } from '../../scripts/cli/kernel/output.ts';
import { startPostgres } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { eventually } from './ground.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';

const Note = z.string().min(1).max(40);
const desk = contract('fault_desk', '1.0.0', {
  note: method({ summary: 'Keeps a note.', input: z.strictObject({ note: Note }), output: z.object({}), idempotency: 'keyed' }),
  noted: event({ summary: 'A note was kept.', payload: z.strictObject({ note: Note }), key: 'note' }),
});
const desks = service({ serves: { fault_desk: desk }, settings: z.object({}) }).start(async () => ({
  fault_desk: {
    note: ({ note }, { commit }) =>
      commit(async (tx) => {
        tx.emit(desk.noted, { note });
        return {};
      }),
  },
  on: [
    on(desk.noted, async ({ note }, tx) => {
      await tx.query('insert into heard (note) values ($1)', [note]);
    }),
  ],
}));
const heardWithinMs = 20_000;

export const t22: FaultTest = {
  id: 'T22',
  title: 'a restore into another PostgreSQL cluster',
  async run({ seed, full, control, signal, database }) {
    const random = randomFrom(seed);
    const dir = temporaryDir();
    const other = await startPostgres({ dir: join(dir, 'postgres'), durable: true, signal });
    try {
      const from = await database();
      const file = join(dir, 'moved.dump');
      await using before = await open(from);
      await before.store.query('create table heard (id bigint generated always as identity, note text not null)');
      if (control) await switchOff(before.store);
      await grow(before.store);
      const writing = before.write('before', random.int(100, full ? 5_000 : 400), signal);
      await delay(random.int(100, 1_500), undefined, { signal });
      await command(backup, [file], {}, from, signal);
      await writing;
      const url = Object.assign(new URL(other.url), { pathname: '/moved' }).href;
      const administration = openStore({ url: other.url, name: 'faults', log: quiet, connections: 1 });
      await administration.query('create database moved');
      await administration.close();
      await command(restore, [file], { yes: true }, url, signal);
      await using after = await open(url);
      await after.write('after', random.int(20, 60), signal);
      const count = async () => {
        const [row] = await after.store.query<{ events: number; unheard: number; doubled: number }>(
          `select count(*)::int as events, (count(*) filter (where times = 0))::int as unheard, (count(*) filter (where times > 1))::int as doubled
           from (select (select count(*) from heard where note = events.key) as times from journal.events where event = $1) told`,
          [desk.noted.address],
        );
        if (row === undefined) throw new Error('PostgreSQL counted nothing');
        return row;
      };
      await eventually(async () => (await count()).unheard === 0, control ? 3_000 : heardWithinMs, signal);
      const { events, unheard, doubled } = await count();
      return { ok: unheard + doubled === 0 && events > 20, harm: unheard + doubled, events, unheard, doubled };
    } finally {
      await other.stop();
      await rm(dir, { recursive: true, force: true });
    }
  },
};

/** The services of this test on a database. */
async function open(url: string) {
  const store = openStore({ url, name: 'fault-desk', log: quiet, connections: 8 });
  const broker = memoryBroker();
  const loaded = { folder: 'fault-desk', service: desks };
  const hosted = await host({
    loaded,
    settings: read(flatGroups(groupsOf(loaded)), () => undefined),
    transport: broker.connect('fault-desk'),
    store,
    cache: memoryCache({ now: Date.now }),
    secretKey: secretKeyFrom(undefined),
    log: quiet,
    prefix: 'polyb',
    clockSkewMs: 250,
    keepDays: 30,
    blankAfterDays: 7,
    allowPrivate: [],
    pace: { leaseMs: 2_000, renewMs: 500, idleMs: 100 },
  });
  const bus = createBus({ transport: broker.connect('operator'), name: 'operator', log: quiet });
  return {
    store,
    async write(name: string, notes: number, signal: AbortSignal): Promise<void> {
      for (let nth = 0; nth < notes; nth += 1) await bus.call(desk.note, { note: `${name} ${nth}` }, { key: `${name} ${nth}`, signal });
    },
    async [Symbol.asyncDispose]() {
      await hosted.stop(2_000);
      await bus.close();
      await store.close();
    },
  };
}

/** The cluster has done more than the other will have. */
async function grow(store: PostgresStore): Promise<void> {
  await store.session(async (session) => {
    await session.run('set synchronous_commit = off');
    await session.run('do $$ begin for i in 1..5000 loop perform pg_current_xact_id(); commit; end loop; end $$');
  });
}
/** Without the protection nobody sees that the numbers are of another cluster. */
async function switchOff(store: PostgresStore): Promise<void> {
  await store.query(`create or replace function journal.is_from_another_cluster() returns boolean language sql as 'select false'`);
}

async function command(run: typeof backup, args: readonly string[], values: FlagValues, url: string, signal: AbortSignal): Promise<void> {
  const path = run === backup ? 'backup' : 'restore';
  const env = { DATABASE_URL: url };
  const flags = flagsOf({ output: 'json', ...values }, env, path);
  const nowhere = { write: () => true };
  const out = createOutput({ flags, stdout: nowhere, stderr: nowhere, stdinIsTty: false, env, now: Date.now });
  await run({ path, args, flags, out, signal, env, groups: async () => [] });
}
