import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { pipeline } from '../bus/durable/pipeline.ts';
import { loop, on, service } from '../bus/service.ts';
import { Id } from '../contracts/common.ts';
import { contract, event, method } from '../contracts/kit/define.ts';
import { pipelineMethod } from '../contracts/pipelines.ts';
import { type World, world } from '../test/kit/world.ts';

const oven = contract('oven', '1.0.0', {
  bake: method({ summary: 'x', input: z.strictObject({ doughId: Id }), output: z.object({ breadId: Id }), idempotency: 'keyed' }),
  baked: event({ summary: 'x', payload: z.object({ breadId: Id }), key: 'breadId' }),
  cooled: event({ summary: 'x', payload: z.object({ breadId: Id }), key: 'breadId' }),
  heated: event({ summary: 'x', payload: z.object({ ovenId: Id }), key: 'ovenId' }),
});
const bakery = contract('bakery', '1.0.0', {
  knead: method({ summary: 'x', input: z.strictObject({ doughId: Id }), output: z.object({ doughId: Id }), idempotency: 'keyed' }),
  make_bread: pipelineMethod({ summary: 'x', input: z.strictObject({ doughId: Id }), output: z.object({ breadId: Id }) }),
});
const makeBread = pipeline(bakery.make_bread)
  .step('dough', bakery.knead, ({ input }) => input)
  .step('bread', oven.bake, ({ dough }) => dough)
  .waitFor('ready', oven.baked, ({ bread }) => bread.breadId, { timeoutMs: 1_000 })
  .output(({ bread }) => bread);
const baker = (uses: Parameters<typeof service>[0]['uses']) =>
  service({ serves: { bakery }, uses: uses ?? [], settings: z.object({}) }).start(async () => ({
    bakery: { knead: async (dough) => dough, make_bread: makeBread },
    on: [on(oven.cooled, async () => {})],
    loops: [loop('watch_oven', { idleMs: 60_000, wakeOn: oven.heated }, async () => 'idle')],
  }));

let it: World;
beforeAll(async () => {
  it = await world();
});
afterAll(() => it?.stop());

test('a service that needs what its uses does not name is refused at start, with each name and what to type', async () => {
  const refused = it.start('baker', baker([oven.cooled]));
  await expect(refused).rejects.toMatchObject({ code: 'failed_precondition', reason: 'bad_settings' });
  await expect(refused).rejects.toThrow(
    [
      'Add oven.bake, oven.baked, oven.heated to `uses` in services/baker/service.ts, then: polyb up baker',
      '  step bread of pipeline bakery.make_bread: oven.bake',
      '  wait ready of pipeline bakery.make_bread: oven.baked',
      '  loop watch_oven: oven.heated',
    ].join('\n'),
  );
});

test('its own methods need no naming, and with the rest named it starts', async () => {
  const hosted = await it.start('baker', baker([oven.bake, oven.baked, oven.cooled, oven.heated]));
  expect(await hosted.runtime.ready()).toBe(true);
});
