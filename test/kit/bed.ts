import { z } from 'zod';
import { type BusHost, type BusOptions, createBus } from '../../bus/bus.ts';
import type { Handlers, ServeOptions } from '../../bus/call.ts';
import type { Handler, Log, StreamHandler } from '../../bus/service.ts';
import { Bytes, Id, PersonName, Phone } from '../../contracts/common.ts';
import { contract, event, type Method, method, type Stream, stream } from '../../contracts/kit/define.ts';
import type { TransportBed } from './transports.ts';

export { until } from './until.ts';

const Text = z.string().max(100);
/** A contract with one of everything. The name differs for each test, since all share one server. */
export function shopContract() {
  const name = `shop_${Math.random().toString(36).slice(2)}`;
  return contract(name, '1.2.3', {
    add: method({
      summary: 'Add two numbers.',
      input: z.strictObject({ a: z.int(), b: z.int() }),
      output: z.object({ sum: z.int() }),
      idempotency: 'read',
    }),
    greet: method({
      summary: 'Greet a person.',
      input: z.strictObject({ firstName: PersonName, phoneNumber: Phone }),
      output: z.object({ text: z.string().max(2_000_000) }),
      idempotency: 'idempotent',
      errors: { asleep: 'failed_precondition' },
    }),
    single: method({
      summary: 'One at a time.',
      input: z.strictObject({}),
      output: z.object({}),
      idempotency: 'idempotent',
      limits: { concurrency: 1 },
    }),
    quick: method({ summary: 'Must be quick.', input: z.strictObject({}), output: z.object({}), idempotency: 'read', timeoutMs: 150 }),
    buy: method({
      summary: 'Buy a thing.',
      input: z.strictObject({ thing: Text, many: z.int().default(1) }),
      output: z.object({ orderId: Id }),
      idempotency: 'keyed',
    }),
    staff_only: method({
      summary: 'For staff.',
      input: z.strictObject({}),
      output: z.object({}),
      idempotency: 'read',
      roles: ['operator'],
    }),
    copy: method({
      summary: 'Bytes back.',
      input: z.strictObject({ data: Bytes, name: Text }),
      output: z.object({ data: Bytes }),
      idempotency: 'read',
    }),
    ring: method({
      summary: 'Ring a bell.',
      input: z.strictObject({ bellId: Id }),
      output: z.object({ rungBy: Text }),
      idempotency: 'idempotent',
      owner: 'bellId',
    }),
    talk: stream({
      summary: 'Words both ways.',
      input: z.strictObject({ greeting: Text }),
      up: z.strictObject({ text: Text }),
      down: z.strictObject({ text: Text, part: z.instanceof(Uint8Array).optional() }),
    }),
    sound: stream({
      summary: 'Raw frames.',
      input: z.strictObject({ legId: Id, frames: z.int() }),
      up: z.instanceof(Uint8Array),
      down: z.instanceof(Uint8Array),
      topic: 'legId',
    }),
    leg: stream({
      summary: 'The frames of one leg, from the instance that holds it.',
      input: z.strictObject({ legId: Id }),
      up: z.instanceof(Uint8Array),
      down: z.instanceof(Uint8Array),
      topic: 'legId',
      owner: 'legId',
    }),
    mute: method({
      summary: 'Mute one leg.',
      input: z.strictObject({ legId: Id }),
      output: z.object({ mutedBy: Text }),
      idempotency: 'idempotent',
      owner: 'legId',
    }),
    live: stream({
      summary: 'Only what is fresh.',
      input: z.strictObject({ frames: z.int() }),
      up: z.strictObject({}),
      down: z.strictObject({ n: z.int() }),
      overflow: 'drop_oldest',
    }),
    sold: event({ summary: 'A thing was sold.', payload: z.object({ thing: Text }), key: 'thing' }),
  });
}
export type Shop = ReturnType<typeof shopContract>;
type ShopHandlers = {
  readonly [N in keyof Shop]?: Shop[N] extends Method ? Handler<Shop[N]> : Shop[N] extends Stream ? StreamHandler<Shop[N]> : never;
};

export interface LogLine {
  readonly level: keyof Log;
  readonly facts: object;
  readonly message: string;
}
export function memoryLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: keyof Log) => (facts: object, message: string) => void lines.push({ level, facts, message });
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

export interface ShopBed {
  readonly shop: Shop;
  readonly prefix: string;
  readonly lines: LogLine[];
  readonly transports: TransportBed;
  bus(name: string, options?: Partial<BusOptions>): Promise<BusHost>;
  /** A bus that serves the shop: every entry that has no handler here answers as simply as its contract allows. */
  serve(handlers?: ShopHandlers, options?: Partial<BusOptions> & ServeOptions & { readonly name?: string }): Promise<BusHost>;
  close(): Promise<void>;
}
async function* nothing(): AsyncGenerator<never> {}

export async function shopBed(openTransports: () => Promise<TransportBed>): Promise<ShopBed> {
  const transports = await openTransports();
  const shop = shopContract();
  const prefix = `t${Math.random().toString(36).slice(2)}`;
  const { log, lines } = memoryLog();
  const open: BusHost[] = [];
  const bus: ShopBed['bus'] = async (name, options = {}) => {
    const made = createBus({ name, log, prefix, ...options, transport: options.transport ?? (await transports.connect(name)) });
    open.push(made);
    return made;
  };
  const simple: ShopHandlers = {
    add: async ({ a, b }) => ({ sum: a + b }),
    greet: async ({ firstName }) => ({ text: `Hello, ${firstName}` }),
    single: async () => ({}),
    quick: async () => ({}),
    staff_only: async () => ({}),
    copy: async ({ data }) => ({ data }),
    ring: async () => ({ rungBy: 'shop' }),
    mute: async () => ({ mutedBy: 'shop' }),
    leg: nothing as StreamHandler<Shop['leg']>,
    talk: nothing as StreamHandler<Shop['talk']>,
    sound: nothing as StreamHandler<Shop['sound']>,
    live: nothing as StreamHandler<Shop['live']>,
  };
  return {
    shop,
    prefix,
    lines,
    transports,
    bus,
    async serve(handlers = {}, { name = 'shop', keep = async () => ({ orderId: 'o1' }), ...options } = {}) {
      const made = await bus(name, options);
      const byAddress = Object.fromEntries(
        Object.entries({ ...simple, ...handlers }).map(([entry, handler]) => [`${shop.add.service}.${entry}`, handler]),
      );
      await made.serve(Object.values(shop), byAddress as Handlers, { keep });
      return made;
    },
    async close() {
      await Promise.all(open.map((one) => one.close({ graceMs: 0 })));
      await transports.close();
    },
  };
}

/** Never ends by itself; rejects with the signal's reason. */
export function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}
