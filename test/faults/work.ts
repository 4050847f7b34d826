/** The contract of the services that the fault tests torment. */
import { z } from 'zod';
import { Bytes } from '../../contracts/common.ts';
import { contract, method, stream } from '../../contracts/kit/define.ts';

const Item = z.string().min(1).max(80);
export const Delivery = z.strictObject({ item: Item, body: z.string().max(200) });
export const Delivered = z.object({ effectId: z.string().max(40), body: z.string().max(200) });
const delivery = (onUnknown: string) =>
  method({
    summary: `Delivers an item; when the outcome is unknown: ${onUnknown}.`,
    input: Delivery,
    output: Delivered,
    idempotency: 'keyed',
    timeoutMs: 5_000,
  });

export const policies = ['reviewed', 'looked_up', 'claimed'] as const;
export type Policy = (typeof policies)[number];

export const work = contract('fault_work', '1.0.0', {
  deliver_reviewed: delivery('a person decides'),
  deliver_looked_up: delivery('the provider is asked'),
  deliver_claimed: delivery('the provider claims before it acts'),
  submit: method({
    summary: 'Accepts a delivery that goes out later.',
    input: Delivery.extend({ policy: z.enum(policies) }),
    output: z.object({ accepted: z.literal(true) }),
    idempotency: 'keyed',
    timeoutMs: 3_000,
  }),
  begin: method({
    summary: 'Tells the provider when it was begun.',
    input: z.strictObject({ item: Item }),
    output: z.object({ pid: z.int() }),
    idempotency: 'idempotent',
    timeoutMs: 3_000,
  }),
  keep: method({
    summary: 'Tells the provider when it was begun, under a key.',
    input: z.strictObject({ item: Item }),
    output: z.object({ pid: z.int() }),
    idempotency: 'keyed',
    timeoutMs: 3_000,
  }),
  think: method({
    summary: 'Answers after a while.',
    input: z.strictObject({ ms: z.int().min(0).max(5_000), nth: z.int() }),
    output: z.object({ nth: z.int(), pid: z.int() }),
    idempotency: 'read',
    timeoutMs: 4_000,
    limits: { concurrency: 4096 },
  }),
});
/** By policy: the method that delivers. */
export const deliver = {
  reviewed: work.deliver_reviewed,
  looked_up: work.deliver_looked_up,
  claimed: work.deliver_claimed,
} as const satisfies Record<Policy, unknown>;

export const handlerFaults = ['none', 'throw', 'reject', 'large', 'silence', 'throw_after_commit'] as const;
const Faulty = z.strictObject({ fault: z.enum(handlerFaults), nth: z.int() });
const Answer = z.object({ nth: z.int(), filler: z.string().max(4_000_000).optional() });
const faulty = <const K extends 'read' | 'idempotent' | 'keyed'>(idempotency: K, summary: string) =>
  method({ summary, input: Faulty, output: Answer, idempotency, timeoutMs: 3_000 });

/** One method of every kind, each of which breaks to order, and one that never does. */
export const faults = contract('fault_faults', '1.0.0', {
  read: faulty('read', 'A read that breaks.'),
  change: faulty('idempotent', 'An idempotent change that breaks.'),
  commit: faulty('keyed', 'A keyed function that breaks.'),
  act: faulty('keyed', 'An effect that breaks.'),
  flow: stream({ summary: 'A stream that breaks.', input: Faulty, up: z.strictObject({}), down: Answer, timeoutMs: 3_000 }),
  sibling: method({
    summary: 'Answers at once.',
    input: z.strictObject({ nth: z.int() }),
    output: z.object({ nth: z.int() }),
    idempotency: 'read',
    timeoutMs: 3_000,
  }),
});

/** Every form of input that schemas make: what mutated bytes are thrown at. */
export const forms = contract('fault_forms', '1.0.0', {
  note: method({
    summary: 'Repeats what it was given.',
    input: z.strictObject({
      title: z.string().min(1).max(100),
      count: z.int().min(0).max(1_000),
      share: z.number().min(0).max(1),
      isDone: z.boolean(),
      at: z.iso.datetime({ offset: true }).max(40).optional(),
      tags: z.array(z.string().max(20)).max(20),
      fields: z.record(z.string().max(20), z.string().max(50)).refine((of) => Object.keys(of).length <= 20, 'at most 20 fields'),
      kind: z.discriminatedUnion('of', [
        z.strictObject({ of: z.literal('a'), n: z.int().min(0).max(9) }),
        z.strictObject({ of: z.literal('b'), s: z.string().max(9).nullable() }),
      ]),
    }),
    output: z.object({ title: z.string().max(100) }),
    idempotency: 'read',
    timeoutMs: 2_000,
  }),
  store: method({
    summary: 'Keeps a note under its key.',
    input: z.strictObject({ title: z.string().min(1).max(100) }),
    output: z.object({ title: z.string().max(100) }),
    idempotency: 'keyed',
    timeoutMs: 2_000,
  }),
  upload: method({
    summary: 'Weighs bytes.',
    input: z.strictObject({ name: z.string().min(1).max(40), bytes: Bytes }),
    output: z.object({ size: z.int() }),
    idempotency: 'read',
    timeoutMs: 2_000,
  }),
});
