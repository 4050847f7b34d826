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
