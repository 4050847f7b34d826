import { describe, expect, test } from '@jest/globals';
import { memoryTransports } from '../../test/kit/transports.ts';
import { transportConformance } from './conformance.ts';
import { memoryBroker } from './memory.ts';

describe('the memory transport', () => {
  transportConformance(memoryTransports);

  test('drops, duplicates and delays as many messages as its fault says', async () => {
    const broker = memoryBroker();
    const [a, b] = [broker.connect('a'), broker.connect('b')];
    const got: string[] = [];
    const late = Promise.withResolvers<void>();
    b.subscribe('x.>', (message) => {
      got.push(Buffer.from(message.data).toString());
      if (got.at(-1) === 'late') late.resolve();
    });
    broker.fault({ subject: 'x.*', action: 'drop', times: 1 });
    broker.fault({ subject: 'x.two', action: 'duplicate', times: 1 });
    a.publish('x.one', 'dropped');
    a.publish('x.two', 'twice');
    {
      using _ = broker.fault({ subject: 'x.three', action: { delayMs: 5 } });
      a.publish('x.three', 'late');
    }
    a.publish('x.three', 'in time');
    await late.promise;
    expect(got).toEqual(['twice', 'twice', 'in time', 'late']);
  });

  test('reports a refused subject to its publisher', async () => {
    const broker = memoryBroker();
    const a = broker.connect('a');
    broker.fault({ subject: 'x', action: 'refuse' });
    const refused = new Promise((resolve) => a.onRefused(resolve));
    a.publish('x', '');
    expect(await refused).toBe('x');
  });
});
