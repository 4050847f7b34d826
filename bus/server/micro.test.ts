import { expect, test } from '@jest/globals';
import { connect, type QueuedIterator, ServiceError } from 'nats';
import { shopBed } from '../../test/kit/bed.ts';
import { natsTransports } from '../../test/kit/transports.ts';

async function all<T>(answers: Promise<QueuedIterator<T>>): Promise<T[]> {
  const got: T[] = [];
  for await (const answer of await answers) got.push(answer);
  return got;
}

test('the micro client of NATS itself finds, describes, counts and calls a service', async () => {
  const server = process.env.NATS_URL as string;
  const bed = await shopBed(() => natsTransports(server));
  const shop = await bed.serve();
  const nats = await connect({ servers: server });
  const name = bed.shop.add.service;
  const subject = `${bed.prefix}.rpc.${name}.add`;

  expect((await nats.request(subject, '{"a":1,"b":2}')).json()).toEqual({ sum: 3 });
  const refused = await nats.request(subject, '{"a":1}');
  expect(ServiceError.isServiceError(refused)).toBe(true);
  expect(ServiceError.toServiceError(refused)).toMatchObject({ code: 400, message: expect.stringContaining('b: expected number') });

  const client = nats.services.client({ maxWait: 500, strategy: 'count' as never, maxMessages: 1 });
  expect(await all(client.ping(name))).toMatchObject([{ name, id: shop.instance, version: '1.2.3' }]);
  const [info] = await all(client.info(name, shop.instance));
  expect(info?.endpoints.find((one) => one.name === 'add')).toMatchObject({ subject, queue_group: 'q' });
  const [stats] = await all(client.stats(name));
  expect(stats?.endpoints?.find((one) => one.name === 'add')).toMatchObject({ num_requests: 2, num_errors: 1 });
  await nats.close();
  await bed.close();
});
