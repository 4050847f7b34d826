import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { Id } from '../../contracts/common.ts';
import { contract, event, method } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { counter } from '../../contracts/kit/metric.ts';
import { pipelineMethod } from '../../contracts/pipelines.ts';
import type { Hosted } from '../../runtime/host.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { type FinishedCall, on, service } from '../service.ts';
import { pipeline } from './pipeline.ts';

const shop = contract('shop', '1.0.0', {
  sell: method({ summary: 'x', input: z.strictObject({ what: Id }), output: z.object({ what: Id }), idempotency: 'keyed' }),
  allow: method({
    summary: 'x',
    input: z.strictObject({ what: Id }),
    output: z.object({ what: Id }),
    idempotency: 'keyed',
    approval: 'staff',
  }),
  bake: method({
    summary: 'x',
    input: z.strictObject({ what: Id }),
    output: z.object({ what: Id }),
    idempotency: 'keyed',
    timeoutMs: 200,
  }),
  order: pipelineMethod({ summary: 'x', input: z.strictObject({ what: Id }), output: z.object({ what: Id.nullable() }) }),
  sold: event({ summary: 'x', payload: z.object({ what: Id }), key: 'what' }),
});
const soldTotal = counter('shop_sold_total', { help: 'Sold.' });
const order = pipeline(shop.order)
  .step('first', shop.sell, ({ input }) => input)
  .step('allowed', shop.allow, ({ input }) => input)
  .step('baked', shop.bake, ({ input }) => input)
  .step('skipped', shop.sell, ({ input }) => input, { when: ({ input }) => input.what === 'never' })
  .step('last', shop.sell, ({ input }) => ({ what: `${input.what}-again` }))
  .output(({ last }) => ({ what: last.what }));

let it: World;
let hosted: Hosted;
let stumbles = 2;
beforeAll(async () => {
  it = await world();
  hosted = await it.start(
    'shop',
    service({ serves: { shop }, settings: z.object({}) }).start(async () => ({
      shop: {
        sell: async ({ what }, { commit }) =>
          commit(async (tx) => {
            tx.count(soldTotal, {});
            if (what === 'twice') tx.emit(shop.sold, { what: 'before' });
            tx.emit(shop.sold, { what });
            await tx.query('select 1');
            if (what.startsWith('bad')) throw new PolybError('failed_precondition', 'Not for sale.');
            return { what };
          }),
        allow: async (input) => input,
        bake: async (input) => {
          await delay(400); // longer than a call waits: its row ends while the run is parked
          return input;
        },
        order,
      },
      on: [
        on(shop.sold, async ({ what }, tx) => {
          tx.count(soldTotal, {}, 100);
          if (what === 'twice' && stumbles-- > 0) throw new PolybError('internal', 'Stumbled.');
        }),
      ],
    })),
  );
});
afterAll(() => it.stop());

/** Values, or how many a histogram holds, by their labels. */
async function figures(name: string): Promise<Readonly<Record<string, number>>> {
  const metric = (await hosted.bus.metrics.reports()).find((each) => each.name === name);
  return Object.fromEntries(
    (metric?.series ?? []).map(([values, value = 0, ...buckets]) => [
      values.join(' '),
      buckets.length === 0 ? value : buckets.reduce((sum, each) => sum + each, 0),
    ]),
  );
}

test('counts, sent events and handled events of a transaction count on commit and not on rollback', async () => {
  const sell = (what: string) => it.bus.call(shop.sell, { what }, { key: what });
  await expect(sell('bad')).rejects.toMatchObject({ code: 'failed_precondition' });
  expect([await figures('shop_sold_total'), await figures('messaging_client_sent_messages_total')]).toEqual([{}, {}]);
  await sell('good');
  await sell('good');
  await until(async () => (await figures('shop_sold_total'))[''] === 101 || null);
  await sell('twice');
  await until(async () => (await figures('shop_sold_total'))[''] === 302 || null);
  expect(await figures('messaging_client_sent_messages_total')).toEqual({ 'shop.sold': 3 });
  expect(await figures('messaging_client_consumed_messages_total')).toEqual({ 'shop.sold': 3 });
  expect(await figures('messaging_process_duration_seconds')).toEqual({ 'shop.sold ': 3, 'shop.sold internal': 2 });
});

test('onRecord reports handled events, failed ones and attempts of the journal, each in the trace of its cause', async () => {
  const reported: FinishedCall[] = [];
  const listening = hosted.bus.onRecord((call) => void reported.push(call));
  const handled = () => reported.filter(({ side }) => side === 'consumer');
  stumbles = 1;
  await hosted.bus.commit(async (tx) => {
    tx.send(shop.sell, { what: 'twice' }, { key: 'sent' });
  });
  await until(() => handled().some(({ code }) => code === 'internal') || null);
  await until(() => handled().filter(({ code }) => code === 'ok').length === 2 || null);
  listening[Symbol.dispose]();
  const sold = { address: 'shop.sold', caller: 'shop', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) };
  expect(handled()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ ...sold, code: 'internal', outcome: 'unknown' }),
      expect.objectContaining({ ...sold, code: 'ok', outcome: 'executed' }),
    ]),
  );
  expect(reported.filter(({ side }) => side === 'server')).toMatchObject([
    { address: 'shop.sell', key: 'sent', code: 'ok', outcome: 'executed' },
  ]);
  const attempt = reported.find(({ side }) => side === 'server');
  expect(handled().every(({ traceId }) => traceId === attempt?.traceId)).toBe(true);
});

test('a run that waits for a person and a slow step counts each step once, no skipped step, and itself at its end', async () => {
  await it.bus.call(shop.order, { what: 'cake' }, { key: 'cake' });
  const asked = await until(async () => (await it.store.query<{ id: string }>(`select id from journal.rows where state = 'proposed'`))[0]);
  const isParked = async () =>
    (await it.store.query(`select 1 from journal.rows where mode = 'run' and state = 'waiting'`)).length > 0 || null;
  await until(isParked);
  expect(await figures('polyb_pipeline_runs_total')).toEqual({ 'shop.order done': 0, 'shop.order failed': 0, 'shop.order cancelled': 0 });
  await journalAdmin(it.store).approve(asked.id, null, { who: 'anna', did: 'approved' });
  await until(async () => (await figures('polyb_pipeline_runs_total'))['shop.order done'] || null);
  expect(await figures('polyb_pipeline_step_duration_seconds')).toEqual({
    'shop.order first done': 1,
    'shop.order allowed done': 1,
    'shop.order baked done': 1,
    'shop.order last done': 1,
  });
  expect(await figures('polyb_pipeline_run_duration_seconds')).toEqual({ 'shop.order': 1 });
});

test('a failing run counts its failing step', async () => {
  await it.bus.call(shop.order, { what: 'bad', waitMs: 5_000 }, { key: 'fails' });
  await until(async () => (await figures('polyb_pipeline_runs_total'))['shop.order failed'] || null);
  expect(await figures('polyb_pipeline_step_duration_seconds')).toMatchObject({ 'shop.order first failed': 1, 'shop.order first done': 1 });
});
