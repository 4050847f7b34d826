/** What must not compile. `tsc` is the judge: a line below that compiles is an error there. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { alias, contract, type Effect, event, type Method, method, review } from '../contracts/kit/define.ts';
import { pipeline } from './durable/pipeline.ts';
import { type Call, type Handler, service, type Tx } from './service.ts';

const Id = z.string().max(64);
const shop = contract('shop', '1.0.0', {
  start: method({ summary: 'x', input: z.object({ leadId: Id }), output: z.object({ callId: Id }), idempotency: 'keyed' }),
  look: method({ summary: 'x', input: z.object({ callId: Id }), output: z.object({ callId: Id }), idempotency: 'read' }),
  deliver: method({
    summary: 'x',
    input: z.object({ channel: z.enum(['telegram', 'whatsapp']), text: Id }),
    output: z.object({ providerId: Id }),
    idempotency: 'keyed',
  }),
  ended: event({ summary: 'x', payload: z.object({ callId: Id, outcome: z.enum(['answered', 'busy']) }), key: 'callId' }),
});
const runs = contract('runs', '1.0.0', {
  whole: method({ summary: 'x', input: z.object({ leadId: Id }), output: z.object({ callId: Id }), idempotency: 'keyed' }),
});
const deliver: Effect<typeof shop.deliver> = { attempt: async () => ({ providerId: 'p' }), onUnknown: review };
const start: Handler<typeof shop.start> = async ({ leadId }) => ({ callId: leadId });

/** Never run: it only has to compile. */
async function positive(call: Call, tx: Tx): Promise<string> {
  await call(shop.look, { callId: 'a' });
  const { callId } = await call(shop.start, { leadId: 'a' }, { key: 'k' });
  tx.emit(shop.ended, { callId, outcome: 'busy' });
  tx.send(shop.deliver, { channel: 'telegram', text: 'a' }, { key: 'k' });
  service({ serves: { shop }, settings: z.object({}) }).start(async () => ({ shop: { start, look: async (input) => input, deliver } }));
  const any: Method = shop.start;
  return any.address;
}

/** Never run either. */
async function negative(call: Call, tx: Tx): Promise<void> {
  // @ts-expect-error keyed without a key
  await call(shop.start, { leadId: 'a' });
  // @ts-expect-error a wrong input
  await call(shop.look, { callId: 7 });
  // @ts-expect-error an event is not callable
  await call(shop.ended, {});
  // @ts-expect-error only keyed methods can be sent durably
  tx.send(shop.look, { callId: 'a' }, { key: 'k' });
  // @ts-expect-error a wrong payload
  tx.emit(shop.ended, { callId: 'a', outcome: 'maybe' });
  // @ts-expect-error an effect is not a function
  await deliver({ channel: 'telegram', text: 'a' });
  // @ts-expect-error only a keyed method may be an effect
  service({ serves: { shop }, settings: z.object({}) }).start(async () => ({ shop: { start, look: deliver, deliver } }));
  // @ts-expect-error a missing handler
  service({ serves: { shop }, settings: z.object({}) }).start(async () => ({ shop: { start } }));
  // @ts-expect-error the event's key must be one of its fields
  event({ summary: 'x', payload: z.object({ a: z.string() }), key: 'b' });
  // @ts-expect-error the owner must be one of the input's fields
  method({ summary: 'x', input: z.object({ a: Id }), output: z.object({}), idempotency: 'read', owner: 'b' });
  // @ts-expect-error the old body must give the method's input
  alias('old.look', shop.look, { from: z.object({ id: Id }), input: ({ id }) => ({ call: id }) });
  const ended = pipeline(runs.whole).waitFor('ended', shop.ended, ({ input }) => input.leadId, { timeoutMs: 1 });
  // @ts-expect-error `ended` is null when it timed out
  ended.output(({ ended: happened }) => ({ callId: happened.callId }));
}

test('the contract above is a value, so that what compiles also exists', () => {
  expect(Object.keys(shop)).toEqual(['start', 'look', 'deliver', 'ended']);
  expect([typeof positive, typeof negative]).toEqual(['function', 'function']);
});
