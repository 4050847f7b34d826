import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Id } from '../../contracts/common.ts';
import { contract, type Effect, lookUp, method, review, settled } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { byConnection, byField, type Handler, on, service } from '../service.ts';

const common = {
  summary: 'x',
  output: z.object({ receipt: Id }),
  idempotency: 'keyed',
  timeoutMs: 60_000,
  lane: { name: 'customer', field: 'who' },
} as const;
const bank = contract('bank', '1.0.0', {
  pay: method({ ...common, input: z.strictObject({ who: Id, via: z.enum(['wire', 'paper']) }), settles: true }),
  refund: method({ ...common, input: z.strictObject({ who: Id }) }),
  deposit: method({ ...common, lane: 'who', input: z.strictObject({ connection: Id.optional(), who: Id }) }),
  pay_soon: method({ ...common, lane: 'who', timeoutMs: 200, input: z.strictObject({ who: Id }) }),
  order_payment: method({ summary: 'x', input: z.strictObject({ who: Id, via: Id }), output: z.object({}), idempotency: 'keyed' }),
});
type Pay = Effect<typeof bank.pay>;

let it: World;
let attempt: Pay['attempt'];
let refund: Handler<typeof bank.refund>;
let find: Parameters<typeof lookUp<{ receipt: string }>>[1];
let heard: { key: string; state: string }[];
const receipt = { receipt: 'r' };
beforeEach(async () => {
  it = await world();
  attempt = async () => receipt;
  refund = async () => receipt;
  find = async () => receipt;
  heard = [];
  const wire: Pay = { attempt: (...given) => attempt(...given), onUnknown: lookUp(0, (...given) => find(...given)) };
  const branches = new Map<string, Effect<typeof bank.deposit>>([
    ['main', { attempt: ({ who }, at) => attempt({ who, via: 'wire' }, at), onUnknown: lookUp(0, (...given) => find(...given)) }],
    ['branch', { attempt: ({ who }, at) => attempt({ who, via: 'paper' }, at), onUnknown: review }],
  ]);
  const paper: Pay = { attempt: (...given) => attempt(...given), onUnknown: review };
  await it.start(
    'bank',
    service({ serves: { bank }, settings: z.object({}) }).start(async () => ({
      bank: {
        pay: byField<typeof bank.pay>('via', { wire, paper }),
        deposit: byConnection(branches, (effect) => effect),
        refund: (...given) => refund(...given),
        pay_soon: { attempt: ({ who }, at) => attempt({ who, via: 'wire' }, at), onUnknown: review },
        order_payment: async ({ who, via }, { commit, key }) =>
          commit(async (tx) => {
            if (via === 'soon') tx.send(bank.pay_soon, { who }, { key: `sent ${key}` });
            else tx.send(bank.pay, { who, via: via as 'wire' }, { key: `sent ${key}` });
            return {};
          }),
      },
      on: [on(settled(bank.pay), async ({ key, state }) => void heard.push({ key, state }))],
    })),
  );
});
afterEach(() => it.stop());

const pay = (via: 'wire' | 'paper', options: object = {}) =>
  it.bus.call(bank.pay, { who: via, via }, { key: via, retry: false, ...options });
const stateOf = async (key: string) =>
  (await it.store.query<{ state: string }>('select state from journal.rows where key = $1', [key]))[0]?.state;
const fail = async () => {
  throw new PolybError('upstream_failed', 'cut');
};

test('a look-up is given the reference, the input and the time of the attempt', async () => {
  attempt = fail;
  const asked: Parameters<typeof find>[0][] = [];
  find = async (unknown) => {
    asked.push(unknown);
    return receipt;
  };
  const before = Date.now();
  await pay('wire').catch(() => {});
  const { ref, input, attemptedAt } = await until(() => asked[0]);
  expect([ref, input]).toEqual([expect.stringMatching(/^row_/), { who: 'wire', via: 'wire' }]);
  expect(attemptedAt).toBeGreaterThanOrEqual(before - 5);
  expect(attemptedAt).toBeLessThanOrEqual(Date.now() + 5);
});

test('an effect picked by a field is resolved in its own way, called or sent', async () => {
  attempt = fail;
  for (const via of ['wire', 'paper'] as const) {
    await pay(via).catch(() => {});
    await it.bus.call(bank.order_payment, { who: `other ${via}`, via }, { key: `order ${via}` });
  }
  await until(async () => (await stateOf('wire')) === 'done' && (await stateOf('sent order wire')) === 'done');
  await until(async () => (await stateOf('paper')) === 'review' && (await stateOf('sent order paper')) === 'review');
});

test('what is sent is attempted again after an attempt whose signal fired before anything was done', async () => {
  let attempts = 0;
  attempt = async (_, { signal }) => {
    attempts += 1;
    if (attempts > 1) return receipt;
    await until(() => signal.aborted);
    throw new PolybError('cancelled', 'The request waited for its turn until the signal fired.', { outcome: 'not_executed' });
  };
  await it.bus.call(bank.order_payment, { who: 'anna', via: 'soon' }, { key: 'soon' });
  await until(async () => ['done', 'failed'].includes((await stateOf('sent soon')) ?? ''));
  expect([await stateOf('sent soon'), attempts]).toEqual(['done', 2]);
});

test('an effect of a connection is resolved in its own way, of main where the input names none', async () => {
  attempt = fail;
  for (const [key, connection] of [
    ['plain', undefined],
    ['main', 'main'],
    ['branch', 'branch'],
  ] as const)
    await it.bus.call(bank.deposit, { who: key, connection }, { key, retry: false }).catch(() => {});
  await until(async () => (await stateOf('plain')) === 'done' && (await stateOf('main')) === 'done');
  await until(async () => (await stateOf('branch')) === 'review');
  const lost = it.bus.call(bank.deposit, { who: 'lost', connection: 'nowhere' }, { key: 'lost' });
  await expect(lost).rejects.toMatchObject({ reason: 'no_connection', message: expect.stringContaining('main, branch') });
});

test('a lane is of one connection: another one does not wait, main and none are the same', async () => {
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  const begun: string[] = [];
  attempt = async ({ via }) => {
    begun.push(via);
    if (via === 'wire') await allowed;
    return receipt;
  };
  const deposit = (key: string, connection?: string) => it.bus.call(bank.deposit, { who: 'one', connection }, { key });
  const first = deposit('first');
  await until(async () => ((await stateOf('first')) === 'attempting' ? true : null));
  const second = deposit('second', 'main');
  await deposit('third', 'branch');
  await deposit('fourth', 'branch');
  expect(begun).toEqual(['wire', 'paper', 'paper']);
  allow();
  await Promise.all([first, second]);
  expect(begun).toHaveLength(4);
});

test('methods that share a lane run in order for one value of its field', async () => {
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  const done: string[] = [];
  attempt = async () => {
    await allowed;
    done.push('pay');
    return receipt;
  };
  refund = async ({ who }) => {
    done.push(`refund ${who}`);
    return receipt;
  };
  const paid = pay('wire');
  await until(async () => ((await stateOf('wire')) === 'attempting' ? true : null));
  const refunded = it.bus.call(bank.refund, { who: 'wire' }, { key: 'same' });
  await it.bus.call(bank.refund, { who: 'another' }, { key: 'another' });
  allow();
  await Promise.all([paid, refunded]);
  expect(done).toEqual(['refund another', 'pay', 'refund wire']);
});

test('the outcome of a call is announced when its caller could not be given it, and not otherwise', async () => {
  await pay('wire');
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  attempt = async () => {
    await allowed;
    return receipt;
  };
  const late = it.bus.call(bank.pay, { who: 'late', via: 'wire' }, { key: 'late', timeoutMs: 200, retry: false });
  await expect(late).rejects.toBeInstanceOf(PolybError);
  allow();
  await until(() => heard.length > 0);
  attempt = fail;
  await it.bus.call(bank.pay, { who: 'found', via: 'wire' }, { key: 'found', retry: false }).catch(() => {});
  await until(() => heard.length > 1);
  expect(heard).toEqual([
    { key: 'late', state: 'done' },
    { key: 'found', state: 'done' },
  ]);
});
