import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { contract, method, stream } from '../../contracts/kit/define.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { service } from '../service.ts';

const Legs = z.strictObject({ legId: z.string().max(20) });
const line = contract('line', '1.0.0', {
  hold: method({ summary: 'Hold a leg.', input: Legs, output: z.object({}), idempotency: 'idempotent' }),
  sound: stream({ summary: 'Sound.', input: Legs, up: z.uint32(), down: z.uint32(), owner: 'legId' }),
});
let it: World;
beforeAll(async () => {
  it = await world();
});
afterAll(() => it.stop());

async function* silent(): AsyncGenerator<never> {
  await new Promise(() => {});
}

test('a service that stops ends the streams that are still open after the time that they are given, also where it drains', async () => {
  const drained = Promise.withResolvers<void>();
  const hosted = await it.start(
    'line',
    service({ serves: { line }, uses: [], settings: z.object({}) }).start(async ({ bus }) => ({
      line: {
        async hold(leg) {
          bus.own(line, leg);
          return {};
        },
        sound: () => silent(),
      },
      drain: () => drained.promise,
    })),
  );
  await it.bus.call(line.hold, { legId: 'a' });
  let isOpen = false;
  const reading = it.bus
    .open(line.sound, { legId: 'a' }, silent(), { onOpened: () => (isOpen = true) })
    [Symbol.asyncIterator]()
    .next();
  const ended = expect(reading).rejects.toMatchObject({ code: 'unavailable' });
  await until(() => isOpen);
  const stopped = hosted.stop(20);
  drained.resolve();
  await stopped;
  await ended;
});
