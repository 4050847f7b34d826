/** Consumers that fail, and several of one event in one service. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { Id } from '../../contracts/common.ts';
import { contract, event } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { type Consumer, on, service } from '../service.ts';
import { pipeline } from './pipeline.ts';

const What = z.strictObject({ what: Id });
const lab = contract('lab', '1.0.0', {
  poked: event({ summary: 'x', payload: What, key: 'what' }),
  follow: pipelineMethod({ summary: 'x', input: What, output: What }),
});
const follow = pipeline(lab.follow)
  .waitFor('poke', lab.poked, ({ input }) => input.what, { timeoutMs: 60_000 })
  .output(({ poke }) => poke ?? { what: 'nothing came' });

let it: World;
beforeEach(async () => {
  it = await world();
});
afterEach(() => it.stop());
const start = (consumers: readonly Consumer[]) =>
  it.start(
    'lab',
    service({ serves: { lab }, settings: z.object({}) }).start(async () => ({ lab: { follow }, on: consumers })),
  );
const poke = async (commit: Awaited<ReturnType<typeof start>>['bus']['commit'], ...things: readonly string[]) => {
  for (const what of things) await commit(async (tx) => tx.emit(lab.poked, { what }));
};
const loopOf = async (name: string) => (await journalAdmin(it.store).loops()).find((loop) => loop.name === name);
const deadLetters = () => journalAdmin(it.store).list({ view: 'dead_letters', limit: 9 });

test('a failing event is retried without end, no event overtakes it, and its failure is shown until it is handled', async () => {
  const heard: string[] = [];
  let tries = 0;
  const hosted = await start([
    on(lab.poked, async ({ what }) => {
      if (what === 'bad') {
        tries += 1;
        if (tries <= 10) throw new PolybError('internal', 'no table');
      }
      heard.push(what);
    }),
  ]);
  await poke(hosted.bus.commit, 'good', 'bad', 'next');
  await until(() => tries >= 3 || null);
  const loop = await until(async () => {
    const found = await loopOf('lab@lab.poked');
    return found?.last_error ? found : null;
  });
  expect(loop.last_error).toMatch(/no table .*failures in a row; next try at/);
  expect(loop.schedule).toMatch(/tried without end/);
  await until(() => heard.includes('next') || null);
  expect([...new Set(heard)]).toEqual(['good', 'bad', 'next']);
  expect(tries).toBe(11);
  expect(await deadLetters()).toEqual([]);
  await until(async () => (await loopOf('lab@lab.poked'))?.last_error === null || null);
});

test('a consumer with giveUpAfter makes a dead letter after that many failures, and its loop shows the number', async () => {
  const heard: string[] = [];
  let tries = 0;
  const hosted = await start([
    on(
      lab.poked,
      async ({ what }) => {
        if (what === 'bad') {
          tries += 1;
          throw new PolybError('failed_precondition', 'never');
        }
        heard.push(what);
      },
      { giveUpAfter: 3 },
    ),
  ]);
  await poke(hosted.bus.commit, 'bad', 'next');
  await until(() => heard.includes('next') || null);
  expect(tries).toBeLessThanOrEqual(4); // perhaps once in company
  expect(await deadLetters()).toMatchObject([{ method: 'lab@lab.poked', input: { what: 'bad' } }]);
  expect((await loopOf('lab@lab.poked'))?.schedule).toMatch(/given up after 3 failures/);
});

test('a consumer, a wait and a second consumer with its own name in one service each get every event', async () => {
  const heard: string[] = [];
  const hosted = await start([
    on(lab.poked, async ({ what }) => void heard.push(`one ${what}`)),
    on(lab.poked, async ({ what }) => void heard.push(`two ${what}`), { as: 'two' }),
  ]);
  const { runId } = await it.bus.call(lab.follow, { what: 'a' }, { key: 'a' });
  await until(async () => (await it.store.journal.read(runId))?.state === 'waiting' || null);
  await poke(hosted.bus.commit, 'a');
  await until(() => heard.length === 2 || null);
  expect(heard.sort()).toEqual(['one a', 'two a']);
  // Well before it would be looked at by itself.
  await until(async () => (await it.store.journal.read(runId))?.state === 'done' || null);
});

test('two consumers of one event under one name are refused with the service and the event', async () => {
  const none = async (): Promise<void> => {};
  await expect(start([on(lab.poked, none), on(lab.poked, none)])).rejects.toMatchObject({
    code: 'failed_precondition',
    reason: 'consumed_twice',
    message: expect.stringContaining('lab consumes lab.poked twice'),
  });
});
