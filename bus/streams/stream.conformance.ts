import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PolybError } from '../../contracts/kit/errors.ts';
import { hang, type ShopBed, shopBed, until } from '../../test/kit/bed.ts';
import type { TransportBed } from '../../test/kit/transports.ts';
import type { TapItem } from '../service.ts';
import { createLocalEndpoints } from '../transports/in-process.ts';
import type { Arrived } from '../transports/transport.ts';
import { readHead } from '../wire/headers.ts';

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
/** Says nothing and stays open. */
async function* silent(): AsyncGenerator<never> {
  await new Promise(() => {});
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const item of items) got.push(item);
  return got;
}
const frame = (n: number): Uint8Array<ArrayBuffer> => Uint8Array.of(n >> 8, n & 255);

/** Streams on any transport. */
export function streamConformance(openTransports: () => Promise<TransportBed>): void {
  let bed: ShopBed;
  beforeEach(async () => {
    bed = await shopBed(openTransports);
  });
  afterEach(() => bed.close());

  test('carries items both ways in order and ends when the handler does, and both sides report it once', async () => {
    const shop = await bed.serve({
      talk: async function* ({ greeting }, up) {
        yield { text: greeting };
        for await (const { text } of up) yield { text: text.toUpperCase(), part: Uint8Array.of(1, 2) };
        yield { text: 'bye' };
      },
    });
    const bus = await bed.bus('till');
    const finished: string[] = [];
    for (const one of [bus, shop]) one.onRecord(({ side, address, code }) => void finished.push(`${side} ${address} ${code}`));
    const words = Array.from({ length: 300 }, (_, n) => ({ text: `слово ${n}` }));
    const got = await all(bus.open(bed.shop.talk, { greeting: 'hi' }, from(words)));
    expect(got.map(({ text }) => text)).toEqual(['hi', ...words.map(({ text }) => text.toUpperCase()), 'bye']);
    expect([...(got[1]?.part ?? [])]).toEqual([1, 2]);
    await until(() => finished.length === 2);
    expect(finished.sort()).toEqual([`client ${bed.shop.talk.address} ok`, `server ${bed.shop.talk.address} ok`]);
  });

  test('carries bytes unchanged', async () => {
    await bed.serve({
      sound: async function* (_, up) {
        for await (const bytes of up) yield Uint8Array.from(bytes).reverse();
      },
    });
    const bus = await bed.bus('till');
    const got = await all(
      bus.open(bed.shop.sound, { legId: 'a', frames: 0 }, from([Uint8Array.of(1, 2, 255), new Uint8Array(0), Uint8Array.of(123)])),
    );
    expect(got.map((bytes) => [...bytes])).toEqual([[255, 2, 1], [], [123]]);
  });

  test('with an owner opens at the instance that holds the object, like the methods of the object', async () => {
    const instance = (name: string, byte: number) =>
      bed.serve({
        leg: async function* () {
          yield Uint8Array.of(byte);
        },
        mute: async () => ({ mutedBy: name }),
      });
    const [one, two] = [await instance('one', 1), await instance('two', 2)];
    const bus = await bed.bus('till');
    const hear = async (legId: string): Promise<unknown> => (await all(bus.open(bed.shop.leg, { legId }, silent()))).map(([byte]) => byte);
    using _ = one.own(bed.shop, { legId: 'leg.1 *' });
    {
      using __ = two.own(bed.shop, { legId: 'b' });
      await Promise.all([one, two].map((each) => each.call(bed.shop.add, { a: 1, b: 1 })));
      for (let n = 0; n < 5; n += 1) {
        expect(await hear('leg.1 *')).toEqual([1]);
        expect(await hear('b')).toEqual([2]);
      }
      expect(await bus.call(bed.shop.mute, { legId: 'b' })).toEqual({ mutedBy: 'two' });
    }
    await two.call(bed.shop.add, { a: 1, b: 1 });
    for (const legId of ['b', 'never held'])
      await expect(hear(legId)).rejects.toMatchObject({ code: 'not_found', outcome: 'not_executed' });
  });

  test('with an owner stays open when its holder no longer owns the object', async () => {
    const shop = await bed.serve({
      leg: async function* (_, up) {
        for await (const bytes of up) yield bytes;
      },
    });
    const bus = await bed.bus('till');
    const owned = shop.own(bed.shop, { legId: 'a' });
    await shop.call(bed.shop.add, { a: 1, b: 1 });
    const source = (async function* () {
      yield frame(1);
      owned[Symbol.dispose]();
      yield frame(2);
    })();
    expect((await all(bus.open(bed.shop.leg, { legId: 'a' }, source))).map(([, byte]) => byte)).toEqual([1, 2]);
  });

  test('with an owner fails when its holder dies, and has no holder afterwards', async () => {
    const transport = await bed.transports.connect('shop');
    const shop = await bed.serve(
      {
        leg: async function* (_, up) {
          for await (const bytes of up) yield bytes;
        },
      },
      { transport },
    );
    const bus = await bed.bus('till', { streamPingMs: 50 });
    shop.own(bed.shop, { legId: 'a' });
    await shop.call(bed.shop.add, { a: 1, b: 1 });
    const endless = (async function* () {
      yield frame(1);
      yield* silent();
    })();
    let restore = (): void => {};
    const reading = (async () => {
      for await (const _ of bus.open(bed.shop.leg, { legId: 'a' }, endless)) restore = bed.transports.cut(transport);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'upstream_failed', reason: 'connection_lost', outcome: 'unknown' });
    await expect(all(bus.open(bed.shop.leg, { legId: 'a' }, silent()))).rejects.toMatchObject({ code: 'not_found' });
    restore();
    await until(() => transport.connected);
  });

  test('that cannot be opened fails as a call does', async () => {
    await bed.serve();
    const [bus, lonely] = [await bed.bus('till'), await bed.bus('other', { prefix: 'nobody', noRespondersMs: 0 })];
    await expect(all(bus.open(bed.shop.talk, { greeting: 7 } as never, from([])))).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('greeting'),
    });
    await expect(all(lonely.open(bed.shop.talk, { greeting: '' }, from([])))).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'no_responders',
    });
    await expect(all(bus.open(bed.shop.talk, { greeting: '' }, from([]), { signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'cancelled',
    });
    const hand = await bed.transports.connect('guest');
    const got = new Promise<Arrived>((resolve) => void hand.subscribe(`${hand.inbox}.1`, resolve));
    await hand.flush();
    hand.publish(`${bed.prefix}.rpc.${bed.shop.talk.address}`, '{"greeting":""}', '', `${hand.inbox}.1`);
    expect(readHead((await got).headers).code).toBe('invalid_argument');
    await hand.close();
  });

  test('delivers the items before a failure, and then the failure as it was thrown', async () => {
    await bed.serve({
      talk: async function* () {
        yield { text: 'one' };
        throw new PolybError('failed_precondition', 'No more.', { reason: 'asleep' });
      },
    });
    const bus = await bed.bus('till');
    const got: string[] = [];
    const reading = (async () => {
      for await (const { text } of bus.open(bed.shop.talk, { greeting: '' }, silent())) got.push(text);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'failed_precondition', reason: 'asleep', message: 'No more.' });
    expect(got).toEqual(['one']);
  });

  test('ends with a typed error when an item of either side breaks the contract', async () => {
    const shop = await bed.serve({
      talk: async function* ({ greeting }, up) {
        if (greeting === 'wrong') yield { text: 7 } as never;
        for await (const word of up) yield word;
      },
    });
    const bus = await bed.bus('till');
    await expect(all(bus.open(bed.shop.talk, { greeting: 'wrong' }, silent()))).rejects.toMatchObject({
      code: 'internal',
      reason: 'bad_output',
    });
    await expect(all(bus.open(bed.shop.talk, { greeting: '' }, from([{ text: 7 } as never])))).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await until(() => shop.stats().every(({ inFlight }) => inFlight === 0));
  });

  test('ends at both sides when the source of the caller fails', async () => {
    const seen: unknown[] = [];
    await bed.serve({
      talk: async function* (_, up) {
        try {
          for await (const word of up) yield word;
        } catch (thrown) {
          seen.push((thrown as PolybError).code);
          throw thrown;
        }
      },
    });
    const bus = await bed.bus('till');
    const source = (async function* () {
      yield { text: 'one' };
      throw new PolybError('not_found', 'The rest is gone.');
    })();
    await expect(all(bus.open(bed.shop.talk, { greeting: '' }, source))).rejects.toMatchObject({ code: 'not_found' });
    await until(() => seen.length === 1);
    expect(seen).toEqual(['not_found']);
  });

  test('ends at both sides when an item is too large to send', async () => {
    const shop = await bed.serve({
      sound: async function* () {
        yield new Uint8Array(1_100_000);
      },
    });
    const bus = await bed.bus('till');
    await expect(all(bus.open(bed.shop.sound, { legId: 'a', frames: 1 }, silent()))).rejects.toMatchObject({ reason: 'payload_too_large' });
    await until(() => shop.records().length === 1);
    expect(shop.records()[0]).toMatchObject({ code: 'invalid_argument', reason: 'payload_too_large' });
  });

  test('ends at the service when the bus of its caller closes', async () => {
    const shop = await bed.serve({ talk: () => silent() });
    const bus = await bed.bus('till');
    const reading = all(bus.open(bed.shop.talk, { greeting: '' }, silent()));
    const ended = expect(reading).rejects.toMatchObject({ code: 'cancelled' });
    await until(() => shop.stats().some(({ inFlight }) => inFlight === 1));
    await bus.call(bed.shop.add, { a: 1, b: 1 });
    await bus.close();
    await ended;
    await until(() => shop.stats().every(({ inFlight }) => inFlight === 0));
  });

  test('ends at the service when the caller leaves its iteration', async () => {
    const ended: string[] = [];
    const shop = await bed.serve({
      talk: async function* (_, up, { signal }) {
        signal.addEventListener('abort', () => ended.push(`signal ${signal.reason.code}`));
        try {
          for (let n = 0; ; n += 1) {
            yield { text: String(n) };
            if (n === 5) await up[Symbol.asyncIterator]().next();
          }
        } finally {
          ended.push('handler');
        }
      },
    });
    const bus = await bed.bus('till');
    const source = (async function* (): AsyncGenerator<{ text: string }> {
      try {
        yield { text: 'a' };
        await new Promise((resolve) => setTimeout(resolve, 20));
        yield { text: 'b' };
      } finally {
        ended.push('source');
      }
    })();
    for await (const { text } of bus.open(bed.shop.talk, { greeting: '' }, source)) if (text === '3') break;
    await until(() => ended.length === 3);
    expect(ended.sort()).toEqual(['handler', 'signal cancelled', 'source']);
    await until(() => shop.stats().every(({ inFlight }) => inFlight === 0));
    expect(shop.records().at(-1)).toMatchObject({ address: bed.shop.talk.address, code: 'cancelled' });
  });

  test('ends at both sides when the caller aborts, even if the handler ignores its signal', async () => {
    const shop = await bed.serve({ talk: () => silent() });
    const bus = await bed.bus('till');
    const caller = new AbortController();
    const reading = all(bus.open(bed.shop.talk, { greeting: '' }, silent(), { signal: caller.signal }));
    await until(() => shop.stats().some(({ inFlight }) => inFlight === 1));
    await bus.call(bed.shop.add, { a: 1, b: 1 });
    caller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
    await until(() => shop.stats().every(({ inFlight }) => inFlight === 0));
  });

  test('is open at most as often as its limit allows, and a closed one makes room', async () => {
    const limited = { ...bed.shop.talk, limits: { concurrency: 1 } };
    const shop = await bed.bus('shop');
    await shop.serve([limited], { [limited.address]: (() => silent()) as never });
    const bus = await bed.bus('till');
    const caller = new AbortController();
    const first = all(bus.open(limited, { greeting: '' }, silent(), { signal: caller.signal }));
    await until(() => shop.stats().some(({ inFlight }) => inFlight === 1));
    await expect(all(bus.open(limited, { greeting: '' }, silent(), { retry: false }))).rejects.toMatchObject({
      code: 'resource_exhausted',
    });
    caller.abort();
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    await until(() => shop.stats().every(({ inFlight }) => inFlight === 0));
  });

  test('lets the sender get at most 64 items ahead of the reader', async () => {
    let made = 0;
    await bed.serve({
      sound: async function* ({ frames }) {
        for (; made < frames; made += 1) yield frame(made);
      },
    });
    const bus = await bed.bus('till');
    let read = 0;
    let most = 0;
    for await (const bytes of bus.open(bed.shop.sound, { legId: 'a', frames: 1000 }, silent())) {
      expect([...bytes]).toEqual([...frame(read)]);
      if (read % 100 === 0) await until(() => made - read >= Math.min(32, 1000 - read));
      most = Math.max(most, made - read);
      read += 1;
    }
    expect(read).toBe(1000);
    expect(most).toBeLessThanOrEqual(66);
  });

  test('drops the oldest items when the contract prefers fresh ones', async () => {
    let made = 0;
    await bed.serve({
      live: async function* ({ frames }) {
        for (; made < frames; made += 1) yield { n: made };
      },
    });
    const bus = await bed.bus('till');
    const got: number[] = [];
    for await (const { n } of bus.open(bed.shop.live, { frames: 1000 }, silent())) {
      if (got.length === 0) await until(() => made === 1000);
      got.push(n);
    }
    expect(got.length).toBeLessThan(200);
    expect(got.at(-1)).toBe(999);
    expect(got).toEqual(got.toSorted((a, b) => a - b));
  });

  test('ends at both sides when the connection drops', async () => {
    const ended: unknown[] = [];
    await bed.serve({
      talk: async function* (_, __, { signal }) {
        yield { text: 'one' };
        await hang(signal).catch((why) => ended.push(why.reason));
      },
    });
    const bus = await bed.bus('till');
    const reading = (async () => {
      for await (const _ of bus.open(bed.shop.talk, { greeting: '' }, silent())) bed.transports.cut();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'upstream_failed', reason: 'connection_lost', outcome: 'unknown' });
    await until(() => ended.length === 1);
    expect(ended).toEqual(['connection_lost']);
  });

  test.each(['caller', 'service'])('is lost with the first frame that a %s sends to a process that is gone', async (side) => {
    const patient = { streamPingMs: 60_000 };
    const transports = { shop: await bed.transports.connect('shop'), till: await bed.transports.connect('till') };
    const cut = Promise.withResolvers<void>();
    const ended: unknown[] = [];
    const goesOn = async function* () {
      yield Uint8Array.of(1);
      await cut.promise;
      yield Uint8Array.of(2);
      yield* silent();
    };
    await bed.serve(
      {
        sound: async function* (_, __, { signal }) {
          signal.addEventListener('abort', () => void ended.push(signal.reason.reason), { once: true });
          if (side === 'service') return yield* goesOn();
          yield Uint8Array.of(1);
          yield* silent();
        },
      },
      { ...patient, transport: transports.shop },
    );
    const bus = await bed.bus('till', { ...patient, transport: transports.till });
    const reading = (async () => {
      const up = side === 'caller' ? goesOn() : silent();
      for await (const _ of bus.open(bed.shop.sound, { legId: 'a', frames: 1 }, up)) {
        bed.transports.cut(side === 'caller' ? transports.shop : transports.till);
        cut.resolve();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'upstream_failed', reason: 'connection_lost' });
    await until(() => ended.length === 1);
    expect(ended).toEqual(['connection_lost']);
  });

  test('is read to its end when the process that sent all of it is gone', async () => {
    const transports = { shop: await bed.transports.connect('shop'), till: await bed.transports.connect('till') };
    await bed.serve(
      {
        sound: async function* () {
          for (const n of [1, 2, 3]) yield Uint8Array.of(n);
        },
      },
      { transport: transports.shop },
    );
    const bus = await bed.bus('till', { transport: transports.till });
    const [gone, sent] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const up = (async function* () {
      await gone.promise;
      yield Uint8Array.of(1);
      sent.resolve();
      yield* silent();
    })();
    const got: number[] = [];
    for await (const [n = 0] of bus.open(bed.shop.sound, { legId: 'a', frames: 3 }, up)) {
      if (got.push(n) > 1) continue;
      await transports.till.flush();
      bed.transports.cut(transports.shop);
      gone.resolve();
      await sent.promise;
      await new Promise(setImmediate);
      await transports.till.flush();
    }
    expect(got).toEqual([1, 2, 3]);
  });

  test('ends with unavailable when its service shuts down', async () => {
    const shop = await bed.serve({ talk: () => silent() });
    const bus = await bed.bus('till');
    const reading = all(bus.open(bed.shop.talk, { greeting: '' }, silent()));
    await until(() => shop.stats().some(({ inFlight }) => inFlight === 1));
    await bus.call(bed.shop.add, { a: 1, b: 1 });
    const ended = expect(reading).rejects.toMatchObject({ code: 'unavailable' });
    await shop.close({ graceMs: 10 });
    await ended;
  });

  describe('tapped by its topic', () => {
    /** Talks as the caller says; the handler returns each frame with its first byte raised by 100. */
    const echoing = (options?: Parameters<ShopBed['serve']>[1]) => {
      const raise = async function* (_: unknown, up: AsyncIterable<Uint8Array>) {
        for await (const bytes of up) yield Uint8Array.of((bytes[0] ?? 0) + 100);
      };
      return bed.serve({ sound: raise, leg: raise }, options);
    };
    function caller() {
      const waiting: (() => void)[] = [];
      const said: number[] = [];
      let isOver = false;
      const source = (async function* () {
        for (;;) {
          const next = said.shift();
          if (next !== undefined) yield Uint8Array.of(next);
          else if (isOver) return;
          else await new Promise<void>((resolve) => waiting.push(resolve));
        }
      })();
      const wake = () => {
        for (const resolve of waiting.splice(0)) resolve();
      };
      return {
        source,
        say(...frames: number[]) {
          said.push(...frames);
          wake();
        },
        end() {
          isOver = true;
          wake();
        },
      };
    }
    const shown = (item: TapItem<Uint8Array, Uint8Array> | undefined) =>
      item === undefined
        ? 'end'
        : item.kind === 'item'
          ? `${item.side} ${item.item[0]}`
          : item.kind === 'dropped'
            ? `${item.side} -${item.items}`
            : 'started';
    const listen = (items: AsyncIterable<TapItem<Uint8Array, Uint8Array>>) => {
      const iterator = items[Symbol.asyncIterator]();
      return async (count: number) => {
        const got: string[] = [];
        for (let n = 0; n < count; n += 1) got.push(shown((await iterator.next()).value));
        return got;
      };
    };

    test('is heard on both sides from its start to its end, and in one where one is asked for', async () => {
      const shop = await echoing();
      const [bus, listener] = [await bed.bus('till'), await bed.bus('listener')];
      const [both, up, down, other] = [
        listen(listener.tap(bed.shop.sound, 'leg 1')),
        listen(listener.tap(bed.shop.sound, 'leg 1', { side: 'up' })),
        listen(listener.tap(bed.shop.sound, 'leg 1', { side: 'down' })),
        listen(listener.tap(bed.shop.sound, 'leg 2')),
      ];
      const heard = [both(8), up(5), down(5)];
      const silence = other(1);
      await listener.call(bed.shop.add, { a: 1, b: 1 }); // the leases have been asked for before it
      const call = caller();
      const playing = all(bus.open(bed.shop.sound, { legId: 'leg 1', frames: 0 }, call.source));
      await until(() => shop.stats().some(({ inFlight }) => inFlight === 1));
      call.say(1, 2, 3);
      call.end();
      expect((await heard[0])?.toSorted()).toEqual(['down 101', 'down 102', 'down 103', 'end', 'started', 'up 1', 'up 2', 'up 3']);
      expect(await heard[1]).toEqual(['started', 'up 1', 'up 2', 'up 3', 'end']);
      expect(await heard[2]).toEqual(['started', 'down 101', 'down 102', 'down 103', 'end']);
      expect((await playing).length).toBe(3);
      await listener.close();
      expect(await silence).toEqual(['end']);
    });

    test('starts for a late listener at once, while the stream is idle, and at the holder of an owned stream', async () => {
      const [holder] = [await echoing(), await echoing()];
      const [bus, listener] = [await bed.bus('till'), await bed.bus('listener')];
      holder.own(bed.shop, { legId: 'a' });
      await holder.call(bed.shop.add, { a: 1, b: 1 });
      const call = caller();
      const playing = bus.open(bed.shop.leg, { legId: 'a' }, call.source)[Symbol.asyncIterator]();
      call.say(1);
      await playing.next();
      const early = listen(listener.tap(bed.shop.leg, 'a'));
      expect(await early(1)).toEqual(['started']);
      call.say(2);
      await playing.next();
      const late = listen(listener.tap(bed.shop.leg, 'a'));
      expect(await late(1)).toEqual(['started']);
      call.say(3);
      await playing.next();
      expect((await early(4)).toSorted()).toEqual(['down 102', 'down 103', 'up 2', 'up 3']);
      expect((await late(2)).toSorted()).toEqual(['down 103', 'up 3']);
      call.end();
      await playing.next();
      expect([await early(1), await late(1)]).toEqual([['end'], ['end']]);
    });

    test('counts what a slow listener misses, and neither holds up nor ends its stream', async () => {
      const frames = 1000;
      await bed.serve({
        sound: async function* () {
          for (let n = 0; n < frames; n += 1) yield frame(n);
        },
      });
      const [bus, listener] = [await bed.bus('till'), await bed.bus('listener')];
      const tapped = listener.tap(bed.shop.sound, 'leg 1', { side: 'down' })[Symbol.asyncIterator]();
      const first = tapped.next();
      await listener.call(bed.shop.add, { a: 1, b: 1 });
      expect((await all(bus.open(bed.shop.sound, { legId: 'leg 1', frames }, silent()))).length).toBe(frames);
      expect((await first).value).toEqual({ kind: 'started' });
      await listener.call(bed.shop.add, { a: 1, b: 1 }); // what was published before it has arrived
      let [got, missing] = [0, 0];
      for (let next = await tapped.next(); !next.done; next = await tapped.next()) {
        if (next.value.kind === 'item') {
          expect([...next.value.item]).toEqual([...frame(got + missing)]);
          got += 1;
        } else if (next.value.kind === 'dropped') missing += next.value.items;
      }
      expect([got, got + missing]).toEqual([256, frames]);
      const counted = { name: 'polyb_tap_dropped_items_total', series: [[[bed.shop.sound.address, 'listener'], missing]] };
      expect(await listener.metrics.reports()).toContainEqual(expect.objectContaining(counted));
    });

    test('needs a topic in the contract', async () => {
      const listener = await bed.bus('listener');
      await expect(listener.tap(bed.shop.talk, 'x')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'failed_precondition' });
    });
  });

  test('works between services of one process without the NATS server, and copies its items', async () => {
    const localEndpoints = createLocalEndpoints();
    const shared = { text: 'same' };
    const bytes = frame(7);
    const shop = await bed.serve(
      {
        talk: async function* (_, up) {
          for await (const _word of up) yield shared;
        },
        sound: async function* () {
          yield bytes;
        },
      },
      { localEndpoints },
    );
    const bus = await bed.bus('till', { localEndpoints });
    bed.transports.cut();
    await until(() => !bus.connected && !shop.connected);
    const got = await all(bus.open(bed.shop.talk, { greeting: '' }, from(Array.from({ length: 200 }, () => ({ text: 'x' })))));
    expect(got).toEqual(Array.from({ length: 200 }, () => ({ text: 'same' })));
    expect(got[0]).not.toBe(shared);
    const [sound] = await all(bus.open(bed.shop.sound, { legId: 'a', frames: 1 }, silent()));
    expect([...(sound ?? [])]).toEqual([...bytes]);
    expect(sound).not.toBe(bytes);
  });
}
