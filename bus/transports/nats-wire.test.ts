import { expect, test } from '@jest/globals';
import { connect, type Msg } from '@nats-io/transport-node';
import { arrived, headersOut, isRaw, publicArrived, publicHeaders, rawHeadersOut } from './nats.ts';
import type { Arrived } from './transport.ts';

const block = 'NATS/1.0\r\ntraceparent: 00-a\r\npolyb-timeout-ms: 10\r\n\r\n';

async function both(publish: (connection: Awaited<ReturnType<typeof connect>>) => void): Promise<Msg> {
  const connection = await connect({ servers: process.env.NATS_URL as string });
  const got = new Promise<Msg>((resolve) => connection.subscribe('wire.test', { callback: (_, message) => resolve(message) }));
  publish(connection);
  const message = await got;
  await connection.close();
  return message;
}
const shown = ({ data, ...rest }: Arrived): object => ({ ...rest, data: [...data] });

test('this client encodes any object with encode(), and exposes the bytes of a message', async () => {
  expect(rawHeadersOut).toBe(true);
  const message = await both((nats) => nats.publish('wire.test', 'body', { headers: headersOut(Buffer.from(block)), reply: 'r' }));
  expect(isRaw(message)).toBe(true);
});

test('reads the same through the internals as through the public API', async () => {
  const message = await both((nats) => nats.publish('wire.test', 'body', { headers: headersOut(Buffer.from(block)), reply: 'r' }));
  expect(shown(arrived(message))).toEqual(shown(publicArrived(message)));
  expect(arrived(message)).toMatchObject({ subject: 'wire.test', reply: 'r', headers: block });
  const bare = await both((nats) => nats.publish('wire.test', ''));
  expect(shown(arrived(bare))).toEqual(shown(publicArrived(bare)));
});

test('writes the same through the cast as through the public API', async () => {
  const message = await both((nats) => nats.publish('wire.test', 'body', { headers: publicHeaders(block), reply: 'r' }));
  expect(arrived(message)).toMatchObject({ subject: 'wire.test', reply: 'r', headers: block });
});

test('reads through the public API when the internals are gone', async () => {
  const message = await both((nats) => nats.publish('wire.test', 'body', { headers: headersOut(Buffer.from(block)) }));
  const { subject, reply, data, headers } = message;
  expect(shown(arrived({ subject, reply, data, headers } as Msg))).toEqual(shown(arrived(message)));
});
