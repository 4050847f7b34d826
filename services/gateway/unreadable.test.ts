import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GatewayWorld, gatewayWorld } from '../../test/kit/gateway.ts';

let it: GatewayWorld;
beforeAll(async () => {
  it = await gatewayWorld([]);
});
afterAll(() => it?.stop());

/** All bytes that a socket receives for this input until it closes. */
async function told(bytes: string): Promise<{ status: string; problem: unknown }> {
  const { hostname, port } = new URL(it.origin);
  const socket = connect({ host: hostname, port: Number(port) }).setEncoding('utf8');
  let text = '';
  socket.on('data', (part) => (text += part));
  socket.write(bytes);
  await once(socket, 'close');
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(/content-type: application\/problem\+json/i);
  return { status: head.split('\r\n')[0] ?? '', problem: JSON.parse(body) };
}

test('a URL with bare Cyrillic is told how to write it', async () => {
  expect(await told('GET /api/v1/messages?q=цветок HTTP/1.1\r\nHost: x\r\n\r\n')).toMatchObject({
    status: 'HTTP/1.1 400 Bad Request',
    problem: { status: 400, code: 'invalid_argument', reason: 'unreadable', detail: expect.stringContaining('--data-urlencode') },
  });
});

test('headers that are too large, and bytes that are no HTTP, each have their status', async () => {
  const bomb = `GET / HTTP/1.1\r\nHost: x\r\nX-Bomb: ${'a'.repeat(20_000)}\r\n\r\n`;
  expect(await told(bomb)).toMatchObject({ status: expect.stringMatching(/ 431 /), problem: { status: 431 } });
  expect(await told('\x16\x03\x01\x00\r\n\r\n')).toMatchObject({
    status: expect.stringMatching(/ 400 /),
    problem: { reason: 'unreadable' },
  });
});

test('who never ends their side after the answer is let go', async () => {
  const { hostname, port } = new URL(it.origin);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true }).resume();
  const failed = once(socket, 'error');
  socket.write('no HTTP\r\n\r\n');
  await once(socket, 'end');
  // A write to a closed connection fails later with an error.
  const more = setInterval(() => socket.write('x'), 20);
  await failed.finally(() => {
    clearInterval(more);
    socket.destroy();
  });
  expect((await failed)[0]).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) });
});
