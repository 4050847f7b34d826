import { describe, expect, test } from '@jest/globals';
import { shopBed, until } from '../../test/kit/bed.ts';
import { memoryTransports, natsTransports } from '../../test/kit/transports.ts';
import { streamConformance } from './stream.conformance.ts';

describe('a stream in memory', () => {
  streamConformance(memoryTransports);

  async function* silent(): AsyncGenerator<never> {
    await new Promise(() => {});
  }
  test('is lost at both sides when frames stop, and stays open while it only has no items', async () => {
    const transports = await memoryTransports();
    const bed = await shopBed(async () => transports);
    const shop = await bed.serve({ talk: () => silent() }, { streamPingMs: 20 });
    const bus = await bed.bus('till', { streamPingMs: 20 });
    const reading = bus.open(bed.shop.talk, { greeting: '' }, silent())[Symbol.asyncIterator]().next();
    await until(() => shop.stats().some(({ inFlight }) => inFlight === 1));
    const quiet = await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 200, 'still open'))]);
    expect(quiet).toBe('still open');
    using _ = transports.broker.fault({ subject: `${bed.prefix}.str.>`, action: 'drop' });
    await expect(reading).rejects.toMatchObject({ code: 'upstream_failed', reason: 'connection_lost' });
    await until(() => shop.stats().every(({ inFlight }) => inFlight === 0));
    expect(shop.records().at(-1)).toMatchObject({ code: 'upstream_failed', reason: 'connection_lost' });
    await bed.close();
  });

  test('loses no call to its taps: while the connection is behind, items are not published to them, and both sides count them', async () => {
    const transports = await memoryTransports();
    const bed = await shopBed(async () => transports);
    const transport = await transports.connect('shop');
    const go = Promise.withResolvers<void>();
    const shop = await bed.serve(
      {
        sound: async function* () {
          for (let n = 0; n < 9; n += 1) {
            Object.assign(transport, { backlogBytes: n >= 2 && n < 6 ? 2_000_000 : 0 });
            yield Uint8Array.of(n);
            await go.promise;
          }
        },
      },
      { transport },
    );
    const [bus, listener] = [await bed.bus('till'), await bed.bus('listener')];
    const tapped = listener.tap(bed.shop.sound, 'a', { side: 'down' })[Symbol.asyncIterator]();
    const first = tapped.next();
    await listener.call(bed.shop.add, { a: 1, b: 1 });
    let played = 0;
    const playing = (async () => {
      for await (const _ of bus.open(bed.shop.sound, { legId: 'a', frames: 9 }, silent())) played += 1;
    })();
    await first;
    go.resolve();
    await playing;
    const heard: unknown[] = [];
    for (let next = await tapped.next(); !next.done; next = await tapped.next())
      heard.push(next.value.kind === 'item' ? next.value.item[0] : next.value);
    expect(played).toBe(9);
    expect(heard).toEqual([0, 1, { kind: 'dropped', side: 'down', items: 4 }, 6, 7, 8]);
    const counted = (at: string) => ({ name: 'polyb_tap_dropped_items_total', series: [[[bed.shop.sound.address, at], 4]] });
    expect(await shop.metrics.reports()).toContainEqual(expect.objectContaining(counted('service')));
    expect(await listener.metrics.reports()).toContainEqual(expect.objectContaining(counted('listener')));
    await bed.close();
  });

  test('ends its taps with an error when its instance is gone', async () => {
    const transports = await memoryTransports();
    const bed = await shopBed(async () => transports);
    const transport = await transports.connect('shop');
    const shop = await bed.serve({ sound: () => silent() }, { transport });
    const [bus, listener] = [await bed.bus('till'), await bed.bus('listener', { streamPingMs: 20 })];
    const playing = bus.open(bed.shop.sound, { legId: 'a', frames: 0 }, silent())[Symbol.asyncIterator]().next();
    const cut = expect(playing).rejects.toMatchObject({ code: 'cancelled' });
    await until(() => shop.stats().some(({ inFlight }) => inFlight === 1));
    const tapped = listener.tap(bed.shop.sound, 'a')[Symbol.asyncIterator]();
    expect((await tapped.next()).value).toEqual({ kind: 'started' });
    transports.cut(transport);
    await expect(tapped.next()).rejects.toMatchObject({ code: 'upstream_failed', reason: 'connection_lost' });
    await bed.close();
    await cut;
  });

  test('fails when an item was lost in transit', async () => {
    const transports = await memoryTransports();
    const bed = await shopBed(async () => transports);
    await bed.serve({
      talk: async function* () {
        for (const text of ['one', 'two', 'three']) yield { text };
      },
    });
    const bus = await bed.bus('till');
    using _ = transports.broker.fault({ subject: `${bed.prefix}.str.till.>`, action: 'drop', times: 1 });
    const got: string[] = [];
    const reading = (async () => {
      for await (const { text } of bus.open(bed.shop.talk, { greeting: '' }, silent())) got.push(text);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'upstream_failed', reason: 'items_lost' });
    expect(got).toEqual(['two', 'three']);
    await bed.close();
  });
});
describe('a stream on NATS', () => streamConformance(() => natsTransports(process.env.NATS_URL as string)));
