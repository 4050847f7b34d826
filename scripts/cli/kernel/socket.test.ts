import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { connectNats } from '../../../bus/transports/nats.ts';
import type { Arrived, Transport } from '../../../bus/transports/transport.ts';
import { dialSocket } from './socket.ts';

const open: Transport[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
});
const options = { user: undefined, pass: undefined, name: 'test', inboxUser: 'operator', timeoutMs: 2000 };
async function setup() {
  const server = process.env.NATS_URL ?? '';
  const [plain, library] = await Promise.all([
    dialSocket({ ...options, server }),
    connectNats({ servers: server, name: 'b', inboxUser: 'b' }),
  ]);
  if (plain === undefined) throw new Error('the server was refused');
  open.push(plain, library);
  return { plain, library, subject: `socket.${Math.random().toString(36).slice(2)}` };
}
async function next(transport: Transport, subject: string): Promise<() => Promise<Arrived>> {
  const came = Promise.withResolvers<Arrived>();
  transport.subscribe(subject, came.resolve);
  await transport.flush();
  return () => came.promise;
}

test('says and hears what the client library says and hears', async () => {
  const { plain, library, subject } = await setup();
  const block = 'NATS/1.0\r\na: 1\r\n\r\n';
  const body = Buffer.from(`привет\r\nPING\r\n${'x'.repeat(300_000)}`);
  const there = await next(library, `${subject}.a`);
  plain.publish(`${subject}.a`, body, block, 'some.reply');
  const heard = await there();
  expect({ ...heard, data: Buffer.from(heard.data).equals(body) }).toEqual({
    subject: `${subject}.a`,
    reply: 'some.reply',
    headers: block,
    data: true,
  });
  const back = await next(plain, `${subject}.>`);
  library.publish(`${subject}.b`, body, block);
  const told = await back();
  expect({ ...told, data: Buffer.from(told.data).equals(body) }).toEqual({
    subject: `${subject}.b`,
    reply: '',
    headers: block,
    data: true,
  });
});

test('is told at once that nobody listens', async () => {
  const { plain, subject } = await setup();
  const answered = await next(plain, `${plain.inbox}.1`);
  plain.publish(subject, '', '', `${plain.inbox}.1`);
  expect((await answered()).headers).toMatch(/^NATS\/1.0 503/);
});

test('hears nothing after it unsubscribed or drained', async () => {
  const { plain, library, subject } = await setup();
  let heard = 0;
  const subscriptions = [0, 1].map(() => plain.subscribe(subject, () => (heard += 1)));
  await plain.flush();
  library.publish(subject, '1');
  await library.flush();
  await subscriptions[0]?.drain();
  subscriptions[1]?.unsubscribe();
  expect(heard).toBe(2);
  library.publish(subject, '2');
  await library.flush();
  await plain.flush();
  expect(heard).toBe(2);
});

test('refuses a subject that would be more than one word, and a message that is too large', async () => {
  const { plain } = await setup();
  expect(() => plain.publish('a 0\r\n\r\nPUB b 0', '')).toThrow(/is not a subject/);
  expect(() => plain.subscribe('', () => {})).toThrow(/is not a subject/);
  expect(() => plain.publish('a', 'x'.repeat(plain.maxPayload + 1))).toThrow(/can be sent/);
});

/** A server that says `lines`, a byte at a time, and answers each PING. */
async function fakeServer(lines: string) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    for (const byte of Buffer.from(lines)) socket.write(Buffer.of(byte));
    socket.on('data', (chunk) => String(chunk).includes('PING') && socket.write('PONG\r\n'));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return { url: `nats://127.0.0.1:${port}`, sockets, close: () => new Promise((done) => server.close(done)) };
}

test('reads a message that comes in pieces, and tells when the connection drops', async () => {
  const server = await fakeServer('INFO {"headers":true,"max_payload":100}\r\n');
  const transport = await dialSocket({ ...options, server: server.url });
  if (transport === undefined) throw new Error('the server was refused');
  const came = Promise.withResolvers<Arrived>();
  transport.subscribe('a', came.resolve);
  for (const byte of Buffer.from('HMSG a 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')) server.sockets[0]?.write(Buffer.of(byte));
  expect(await came.promise).toMatchObject({
    subject: 'a',
    reply: 'r',
    headers: 'NATS/1.0\r\n\r\n',
    data: new Uint8Array(Buffer.from('hi')),
  });
  const dropped = new Promise((done) => transport.onConnection(done));
  server.sockets[0]?.destroy();
  expect(await dropped).toBe(false);
  expect(() => transport.publish('a', '')).toThrow(/not connected/);
  await server.close();
});

test('a server of another system is not shown the password', async () => {
  const server = await fakeServer('INFO {"server_name":"polyb-b","headers":true,"max_payload":100}\r\n');
  let sent = '';
  const dialling = dialSocket({ ...options, user: 'operator', pass: 'secret', server: server.url, system: 'polyb-a' });
  while (server.sockets.length === 0) await new Promise((done) => setImmediate(done));
  const closed = new Promise((done) => server.sockets[0]?.on('data', (chunk) => (sent += String(chunk))).on('close', done));
  await expect(dialling).rejects.toMatchObject({ code: 'unavailable', reason: 'other_system', outcome: 'not_executed' });
  await closed;
  expect(sent).toBe('');
  await server.close();
});

test.each([
  ['wants TLS', 'INFO {"headers":true,"max_payload":100,"tls_required":true}\r\n'],
  ['says nothing', ''],
  ['closes', '-ERR bye\r\n'],
])('leaves a server that %s to the client library', async (what, lines) => {
  const server = await fakeServer(lines);
  const dialling = dialSocket({ ...options, server: server.url, timeoutMs: 100 });
  if (what === 'closes') {
    while (server.sockets.length === 0) await new Promise((done) => setImmediate(done));
    server.sockets[0]?.destroy();
  }
  expect(await dialling).toBeUndefined();
  for (const socket of server.sockets) socket.destroy();
  await server.close();
});

test('leaves tokens and other schemes to the client library', async () => {
  for (const server of ['tls://127.0.0.1:4222', 'nats://token@127.0.0.1:4222', 'ws://127.0.0.1'])
    expect(await dialSocket({ ...options, server })).toBeUndefined();
});
