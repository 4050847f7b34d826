import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { Id } from '../../contracts/common.ts';
import { contract, event, method, review } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { service } from '../service.ts';
import { pipeline } from './pipeline.ts';

const cook = contract('cook', '1.0.0', {
  chop: method({ summary: 'x', input: z.strictObject({ what: Id }), output: z.object({ pieces: Id, knife: Id }), idempotency: 'keyed' }),
  boil: method({
    summary: 'x',
    input: z.strictObject({ pieces: Id }),
    output: z.object({ potId: Id }),
    idempotency: 'keyed',
    errors: { no_gas: 'failed_precondition' },
  }),
  taste: method({ summary: 'x', input: z.strictObject({ potId: Id }), output: z.object({ salt: z.boolean() }), idempotency: 'read' }),
  serve: method({ summary: 'x', input: z.strictObject({ potId: Id }), output: z.object({ plateId: Id }), idempotency: 'keyed' }),
  boiled: event({ summary: 'x', payload: z.object({ potId: Id, minutes: z.int() }), key: 'potId' }),
});
const dinners = contract('dinners', '1.0.0', {
  make_soup: pipelineMethod({
    summary: 'x',
    input: z.strictObject({ what: Id }),
    output: z.object({ plateId: Id.nullable(), minutes: z.int().nullable() }),
  }),
});
const waitMs = { timeoutMs: 400 };
const soup = pipeline(dinners.make_soup)
  .step('chopped', cook.chop, ({ input }) => input)
  .step('pot', cook.boil, ({ chopped }) => chopped)
  .waitFor('boiled', cook.boiled, ({ pot }) => pot.potId, waitMs)
  .delay('rest', 20)
  .step('tasted', cook.taste, ({ pot }) => pot)
  .step('plate', cook.serve, ({ pot }) => pot, { when: ({ boiled }) => boiled !== null })
  .output(({ plate, boiled }) => ({ plateId: plate?.plateId ?? null, minutes: boiled?.minutes ?? null }));
const kitchen = (definition: unknown = soup) =>
  service({ serves: { dinners }, uses: [...Object.values(cook)], settings: z.object({}) }).start(async () => ({
    dinners: { make_soup: definition as typeof soup },
  }));

let it: World;
let seen: string[];
beforeEach(async () => {
  it = await world();
  seen = [];
});
afterEach(() => it.stop());

type Boil = (pieces: string, tell: (potId: string) => Promise<void>) => Promise<string>;
/** A cook who tells at once that the pot boils, unless `boil` does otherwise. */
const cookWho = (
  boil: Boil = async (pieces, tell) => {
    await tell(`pot of ${pieces}`);
    return `pot of ${pieces}`;
  },
  whileChopping: () => Promise<unknown> = async () => {},
) =>
  service({ serves: { cook }, settings: z.object({}) }).start(async ({ bus }) => ({
    cook: {
      chop: async ({ what }) => {
        seen.push('chop');
        await whileChopping();
        return { pieces: `chopped ${what}`, knife: 'sharp' };
      },
      boil: async ({ pieces }) => ({
        potId: await boil(pieces, (potId) => bus.commit(async (tx) => tx.emit(cook.boiled, { potId, minutes: 7 }))),
      }),
      taste: async () => ({ salt: seen.push('taste') > 0 }),
      serve: async ({ potId }) => ({ plateId: `plate from ${seen.push('serve') && potId}` }),
    },
  }));
const make = (key = 'k', options: object = {}) => it.bus.call(dinners.make_soup, { what: 'beet', waitMs: 30_000 }, { key, ...options });
const run = async () =>
  (
    await it.store.query<{ id: string; state: string; error: { reason: string } | null }>(`select * from journal.rows where mode = 'run'`)
  )[0];

test('a run executes its steps with earlier results, and returns its output', async () => {
  await it.start('cook', cookWho());
  await it.start('dinners', kitchen());
  expect(await make()).toEqual({
    runId: expect.stringMatching(/^run_/),
    status: 'completed',
    output: { plateId: 'plate from pot of chopped beet', minutes: 7 },
  });
  expect(seen).toEqual(['chop', 'taste', 'serve']);
});

test('the same key returns the same run, and no step runs twice', async () => {
  await it.start('cook', cookWho());
  await it.start('dinners', kitchen());
  const [a, b] = await Promise.all([make(), make()]);
  expect([b, await make()]).toEqual([a, a]);
  expect(seen).toEqual(['chop', 'taste', 'serve']);
});

test('without waitMs the reply comes at once', async () => {
  await it.start(
    'cook',
    cookWho(() => new Promise(() => {})),
  );
  await it.start('dinners', kitchen());
  expect(await it.bus.call(dinners.make_soup, { what: 'beet' }, { key: 'k' })).toMatchObject({ status: 'running', output: null });
});

test('an event before the start of its wait counts', async () => {
  await it.start('cook', cookWho());
  await it.start('dinners', kitchen());
  expect((await make()).output?.minutes).toBe(7);
});

test('an event that comes while the run waits wakes it', async () => {
  await it.start('dinners', kitchen());
  await it.start(
    'cook',
    cookWho(async (pieces, tell) => {
      setTimeout(() => void tell(pieces), 150);
      return pieces;
    }),
  );
  expect(await make()).toMatchObject({ status: 'completed', output: { minutes: 7 } });
});

test('a wait that times out returns null, and the conditional step is skipped', async () => {
  await it.start(
    'cook',
    cookWho(async (pieces) => pieces),
  );
  await it.start('dinners', kitchen());
  expect(await make()).toMatchObject({ status: 'completed', output: { plateId: null, minutes: null } });
  expect(seen).toEqual(['chop', 'taste']);
});

test('a run whose instance is killed is finished by another, and finished steps do not run again', async () => {
  let boils = 0;
  await it.start(
    'cook',
    cookWho(async (pieces, tell) => {
      boils += 1;
      if (boils === 1) await new Promise((resolve) => setTimeout(resolve, 300));
      await tell(pieces);
      return pieces;
    }),
  );
  const dying = await it.start('dinners', kitchen());
  const { runId } = await it.bus.call(dinners.make_soup, { what: 'beet' }, { key: 'k' });
  // A new step has no row for its first milliseconds, and without one another instance repeats it.
  await until(
    async () => (await it.store.query(`select from journal.rows where method = 'cook.boil' and state = 'attempting'`)).length > 0,
  );
  await dying.bus.close({ graceMs: 0 });
  await dying.runtime.stop(0);
  await it.start('dinners', kitchen());
  expect(
    await until(async () => {
      const answer = await make();
      return answer.status === 'completed' ? answer : null;
    }),
  ).toMatchObject({ runId, output: { minutes: 7 } });
  expect([boils, seen]).toEqual([1, ['chop', 'taste', 'serve']]);
});

test('a run waits while a service is down and continues when it is back', async () => {
  await it.start('dinners', kitchen());
  const { runId } = await it.bus.call(dinners.make_soup, { what: 'beet' }, { key: 'k' });
  await until(async () => ((await run())?.state === 'waiting' ? true : null));
  await it.start('cook', cookWho());
  expect(await make()).toMatchObject({ runId, status: 'completed' });
});

test('a step that fails for good fails the run, which can be retried from there', async () => {
  let gas = false;
  await it.start(
    'cook',
    cookWho(async (pieces, tell) => {
      if (!gas) throw new PolybError('failed_precondition', 'no gas', { reason: 'no_gas' });
      await tell(pieces);
      return pieces;
    }),
  );
  await it.start('dinners', kitchen());
  const { runId, status } = await make();
  expect([status, (await run())?.error?.reason]).toEqual(['failed', 'no_gas']);
  gas = true;
  expect(await journalAdmin(it.store).retry(runId, { who: 'me', did: 'retried' })).toBe(true);
  expect(
    await until(async () => {
      const answer = await make();
      return answer.status === 'completed' ? answer : null;
    }),
  ).toMatchObject({ runId });
  expect(seen).toEqual(['chop', 'taste', 'serve']);
});

test('a run retried from an edited step uses the new input and repeats the later steps', async () => {
  await it.start('cook', cookWho());
  await it.start('dinners', kitchen());
  const { runId } = await make();
  expect(await journalAdmin(it.store).retryFrom(runId, 'pot', { pieces: 'carrots' }, { who: 'me', did: 'retried' })).toBeNull();
  expect(
    await until(async () => {
      const answer = await make();
      return answer.status === 'completed' ? answer : null;
    }),
  ).toMatchObject({ output: { plateId: 'plate from pot of carrots' } });
  expect(seen.filter((what) => what === 'chop')).toHaveLength(1);
});

const renamed = pipeline(dinners.make_soup)
  .step('cut', cook.chop, ({ input }) => input)
  .output(() => ({ plateId: null, minutes: null }));
const replaced = pipeline(dinners.make_soup)
  .step('chopped', cook.serve, ({ input }) => ({ potId: input.what }))
  .step('pot', cook.boil, () => ({ pieces: 'beet' }))
  .output(({ chopped }) => ({ plateId: chopped.plateId, minutes: null }));
test.each([
  ['is gone from the code', renamed],
  ['calls another method in the code', replaced],
])('a finished step that %s makes the run a dead letter', async (_, changed) => {
  await it.start(
    'cook',
    cookWho(async (pieces) => pieces),
  );
  const old = await it.start('dinners', kitchen());
  const { runId } = await it.bus.call(dinners.make_soup, { what: 'beet' }, { key: 'k' });
  await until(async () =>
    (await it.store.journal.steps(runId)).some(({ step, state }) => step === 'boiled' && state === 'waiting') ? true : null,
  );
  await old.stop(500);
  await it.start('dinners', kitchen(changed));
  await until(async () => ((await run())?.state === 'failed' ? true : null));
  expect((await run())?.error?.reason).toBe('definition_changed');
});

test('a cancelled run starts no further step', async () => {
  await it.start(
    'cook',
    cookWho(async (pieces) => pieces),
  );
  await it.start('dinners', kitchen());
  const { runId } = await it.bus.call(dinners.make_soup, { what: 'beet' }, { key: 'k' });
  await until(async () => ((await run())?.state === 'waiting' ? true : null));
  expect(await journalAdmin(it.store).cancel(runId, { who: 'me', did: 'cancelled' })).toBe(true);
  expect(await make()).toMatchObject({ status: 'cancelled' });
  await new Promise((resolve) => setTimeout(resolve, waitMs.timeoutMs));
  expect(seen).toEqual(['chop']);
});

test('a step that needs approval begins only after it, and a rejected one fails its run', async () => {
  const door = contract('door', '1.0.0', {
    ring: method({ summary: 'x', input: z.strictObject({ who: Id }), output: z.object({}), idempotency: 'keyed', approval: 'staff' }),
    visit: pipelineMethod({ summary: 'x', input: z.strictObject({ who: Id }), output: z.object({}) }),
  });
  const rung: string[] = [];
  const ring = {
    attempt: async ({ who }: { who: string }) => {
      rung.push(who);
      return {};
    },
    onUnknown: review,
  };
  const visit = pipeline(door.visit)
    .step('rung', door.ring, ({ input }) => input)
    .output(() => ({}));
  await it.start(
    'door',
    service({ serves: { door }, settings: z.object({}) }).start(async () => ({ door: { ring, visit } })),
  );
  const desk = journalAdmin(it.store);
  const begin = async (who: string) => {
    await it.bus.call(door.visit, { who }, { key: who });
    return until(async () => (await desk.list({ view: 'approvals', limit: 1 }))[0]);
  };
  const ended = (who: string) =>
    until(async () => {
      const { status } = await it.bus.call(door.visit, { who, waitMs: 1_000 }, { key: who });
      return status === 'running' || status === 'waiting' ? null : status;
    });

  const proposed = await begin('anna');
  expect([proposed.method, proposed.mode, proposed.not_after === null, rung]).toEqual([door.ring.address, 'step', false, []]);
  await desk.approve(proposed.id, proposed.hash, { who: 'me', did: 'approved' });
  expect([await ended('anna'), rung]).toEqual(['completed', ['anna']]);

  await desk.reject((await begin('oleg')).id, { who: 'me', did: 'rejected' });
  expect([await ended('oleg'), rung]).toEqual(['failed', ['anna']]);
});

test('only a step that is a function without a lane is acquired without waiting for the disk', async () => {
  const input = z.strictObject({ who: Id });
  const keyed = { summary: 'x', input, output: z.object({}), idempotency: 'keyed' } as const;
  const desk = contract('desk', '1.0.0', {
    note: method(keyed),
    turn: method({ ...keyed, lane: 'who' }),
    ring: method(keyed),
    day: pipelineMethod({ summary: 'x', input, output: z.object({}) }),
  });
  const day = pipeline(desk.day)
    .step('noted', desk.note, ({ input }) => input)
    .step('turned', desk.turn, ({ input }) => input)
    .step('rung', desk.ring, ({ input }) => input)
    .output(() => ({}));
  await it.start(
    'desk',
    service({ serves: { desk }, settings: z.object({}) }).start(async () => ({
      desk: { note: async () => ({}), turn: async () => ({}), ring: { attempt: async () => ({}), onUnknown: review }, day },
    })),
  );
  // Deferred to the commit, where the setting decides.
  await it.store.session(({ run }) =>
    run(`create table waits (nth serial, mode text, method text, state text, relaxed boolean);
      create function note_wait() returns trigger language plpgsql as $$ begin
        insert into waits (mode, method, state, relaxed)
        select new.mode, new.method, new.state, setting = 'off' and source = 'session' from pg_settings where name = 'synchronous_commit';
        return null; end $$;
      create constraint trigger note_wait after insert or update of state on journal.rows deferrable initially deferred for each row execute function note_wait()`),
  );
  await it.bus.call(desk.day, { who: 'anna', waitMs: 30_000 }, { key: 'k' });
  await it.bus.call(desk.note, { who: 'anna' }, { key: 'k' });
  const waits = await it.store.query<{ mode: string; method: string; state: string; relaxed: boolean }>('select * from waits order by nth');
  expect(waits.map(({ mode, method, state, relaxed }) => [mode, method, state, relaxed])).toEqual([
    ['run', 'desk.day', 'attempting', false],
    ['step', 'desk.note', 'attempting', true],
    ['step', 'desk.note', 'done', false],
    ['step', 'desk.turn', 'attempting', false],
    ['step', 'desk.turn', 'done', false],
    ['step', 'desk.ring', 'attempting', false],
    ['step', 'desk.ring', 'done', false],
    ['run', 'desk.day', 'done', false],
    ['call', 'desk.note', 'attempting', false],
    ['call', 'desk.note', 'done', false],
  ]);
});

test('a step whose acquisition was lost in a power failure runs again, and its run ends', async () => {
  const lose = async () => {
    if (seen.length === 1) await it.store.query(`delete from journal.rows where step = 'chopped'`);
  };
  await it.start('cook', cookWho(undefined, lose));
  await it.start('dinners', kitchen());
  const { runId } = await make();
  expect(await until(async () => ((await make()).status === 'completed' ? make() : null))).toMatchObject({ runId, output: { minutes: 7 } });
  expect(seen).toEqual(['chop', 'chop', 'taste', 'serve']);
});

test.each(['run_0 no-token 1 chopped', 'run_0 no-token one chopped'])(
  'a call that names a step of a run that it does not hold leaves no row: %s',
  async (step) => {
    await it.start('cook', cookWho());
    const refused = await it.bus.request(cook.chop, { what: 'beet' }, { key: 'k', step }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(PolybError);
    expect([await it.store.query('select id from journal.rows'), seen]).toEqual([[], []]);
  },
);

test('a step whose service is down has a row while its run waits for it', async () => {
  await it.start('dinners', kitchen());
  const { runId } = await it.bus.call(dinners.make_soup, { what: 'beet' }, { key: 'k' });
  await until(async () => ((await run())?.state === 'waiting' ? true : null));
  expect(await it.store.journal.steps(runId)).toMatchObject([{ step: 'chopped', state: 'queued' }]);
});
