import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { connect, type Msg } from '@nats-io/transport-node';
import { arrived, backlogOf, headersOut, isRaw, publicArrived, publicHeaders, rawHeadersOut } from './nats.ts';
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

test('this client shows how many published bytes have not left the process', async () => {
  const deaf = createServer((socket) => {
    socket.on('error', () => {}); // the client leaves
    socket.write('INFO {"server_id":"x","version":"2.9.0","proto":1,"max_payload":1048576,"headers":true}\r\n');
    socket.on('data', (text) => {
      if (!text.includes('PING')) return;
      socket.write('PONG\r\n');
      socket.pause();
    });
  }).listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  const nats = await connect({ servers: `127.0.0.1:${(deaf.address() as AddressInfo).port}`, reconnect: false });
  expect(backlogOf(nats)).toBe(0);
  for (let n = 0; n < 300; n += 1) nats.publish('wire.test', new Uint8Array(100_000));
  expect(backlogOf(nats)).toBeGreaterThan(10_000_000);
  await nats.close();
  deaf.close();
});

test('reads through the public API when the internals are gone', async () => {
  const message = await both((nats) => nats.publish('wire.test', 'body', { headers: headersOut(Buffer.from(block)) }));
  const { subject, reply, data, headers } = message;
  expect(shown(arrived({ subject, reply, data, headers } as Msg))).toEqual(shown(arrived(message)));
});
