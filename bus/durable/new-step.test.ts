import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { contract, method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { createBus } from '../bus.ts';
import { type Handler, service } from '../service.ts';
import { pipeline } from './pipeline.ts';

const Nth = z.strictObject({ nth: z.int() });
/** Its deadline is longer than a test waits. */
const keyed = { summary: 'x', input: Nth, output: Nth, idempotency: 'keyed', timeoutMs: 120_000 } as const;
const oven = contract('oven', '1.0.0', { heat: method(keyed) });
const bread = contract('bread', '1.0.0', { bake: method({ ...keyed, errors: { burnt: 'failed_precondition' } }) });
const days = contract('days', '1.0.0', { work: pipelineMethod({ summary: 'x', input: Nth, output: Nth }) });

let it: World;
/** What `bread.bake` does. By then `oven.heat` has ended; if that was a moment ago, the process knows that nothing is paused and makes no row first. */
let bake: Handler<typeof bread.bake>;
let heat: Handler<typeof oven.heat>;
let beganWithoutRow: boolean;
beforeEach(async () => {
  it = await world();
  bake = async (input) => input;
  heat = async (input) => input;
  await it.start('days', service({ serves: { days }, uses: [oven.heat, bread.bake], settings: z.object({}) }).start(startDays));
  await it.start(
    'oven',
    service({ serves: { oven }, settings: z.object({}) }).start(async () => ({ oven: { heat: (...given) => heat(...given) } })),
  );
});
afterEach(() => it.stop());

const startDays = async () => ({
  days: {
    work: pipeline(days.work)
      .step('heated', oven.heat, ({ input }) => input)
      .step('baked', bread.bake, ({ heated }) => heated)
      .output(({ baked }) => baked),
  },
});
const startBread = () =>
  it.start(
    'bread',
    service({ serves: { bread }, settings: z.object({}) }).start(async () => ({
      bread: {
        bake: (...given) => {
          beganWithoutRow = it.store.journal.isUnpaused();
          return bake(...given);
        },
      },
    })),
  );
const work = (key: string) => it.bus.call(days.work, { nth: 1, waitMs: 30_000 }, { key });
/** Runs until the step began without a row, which a busy machine prevents. */
const workAtOnce = () =>
  until(async () => {
    const key = randomUUID();
    const answer = await work(key);
    return beganWithoutRow ? { ...answer, rows: await baked(`parent = '${answer.runId}'`) } : null;
  });
const baked = (and = 'true') =>
  it.store.query<{ attempts: number; state: string; error: object | null; log: object[]; isOneStatement: boolean }>(
    `select attempts, state, error, log, started_at = ended_at and updated_at = created_at as "isOneStatement" from journal.rows where step = 'baked' and ${and}`,
  );

test('the row of a step that ends at once is written by one statement', async () => {
  await startBread();
  const { rows } = await workAtOnce();
  expect(rows).toMatchObject([{ attempts: 1, state: 'done', isOneStatement: true }]);
});

test('a step that takes longer has a row with a lease meanwhile', async () => {
  await startBread();
  bake = async (input) => {
    await until(async () => (await baked(`state = 'attempting' and lease_until > now()`))[0]);
    return input;
  };
  const { status, rows } = await workAtOnce();
  expect([status, rows]).toMatchObject(['completed', [{ attempts: 1, state: 'done', isOneStatement: false }]]);
});

test('a step that fails at once keeps its error and a line of its log', async () => {
  await startBread();
  bake = async () => {
    throw new PolybError('failed_precondition', 'black', { reason: 'burnt' });
  };
  const { status, rows } = await workAtOnce();
  expect([status, rows]).toMatchObject([
    'failed',
    [{ attempts: 1, state: 'failed', error: { reason: 'burnt' }, log: [{ reason: 'burnt' }] }],
  ]);
});

test('a step whose service vanished before it made a row is done by another long before the deadline of the call', async () => {
  const deaf = createBus({ transport: await it.broker.connect('bread'), name: 'bread', log: quiet });
  let calls = 0;
  const served = await deaf.serve(
    [bread.bake],
    { 'bread.bake': async () => ({ nth: 0 }) },
    {
      keep: () => {
        calls += 1;
        return new Promise(() => {});
      },
    },
  );
  const done = work('k');
  await until(() => calls === 1);
  void served.drain({ leftMs: () => 60_000 });
  await startBread();
  expect(await until(async () => ((await work('k')).status === 'completed' ? true : null))).toBe(true);
  await done;
});

test('what a step of a run that was taken over commits is rolled back, and the step is done once', async () => {
  await startBread();
  await it.store.query('create table loaves (nth int)');
  heat = async (input) => {
    await it.store.query(`update journal.rows set token = 'another' where mode = 'run'`);
    return input;
  };
  bake = (input, { commit }) =>
    commit(async (tx) => {
      await tx.query('insert into loaves values ($1)', [input.nth]);
      return input;
    });
  await until(async () => ((await work('k')).status === 'completed' ? true : null));
  expect(await it.store.query('select nth from loaves')).toEqual([{ nth: 1 }]);
});
