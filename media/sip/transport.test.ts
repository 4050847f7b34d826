import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { loopbackCertificate } from '../../test/kit/loopback-certificate.ts';
import { until } from '../../test/kit/until.ts';
import type { IncomingCall } from './call.ts';
import type { Dialog } from './dialog.ts';
import { header } from './message.ts';
import { type Listener, openTransports, type TransportOptions, type Transports } from './transport.ts';
import { createUserAgent, type TracedMessage, type UserAgent, type UserAgentOptions } from './user-agent.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const udp: Listener = { protocol: 'udp', address: '127.0.0.1', port: 0 };
const tls = { ...loopbackCertificate, ca: loopbackCertificate.cert };
async function transportsOf(...listen: Listener[]): Promise<Transports> {
  return keep(await openTransports({ listen, tls }));
}
function keep<T extends { close(): unknown }>(one: T): T {
  opened.push(one);
  return one;
}
async function agentOn(
  options: TransportOptions,
  { answers = true, ...parts }: { readonly answers?: boolean } & Pick<UserAgentOptions, 'holderOf'> = {},
) {
  const calls: IncomingCall[] = [];
  const traced: TracedMessage[] = [];
  const transports = await openTransports({ tls, ...options });
  const agent: UserAgent = keep(
    createUserAgent({
      transports,
      ...parts,
      on: {
        incoming(call) {
          calls.push(call);
          call.listen({});
          if (answers) void call.answer('v=0\r\n');
          else call.ring();
        },
        trace: (message) => traced.push(message),
      },
    }),
  );
  const port = transports.local(options.listen[0]?.protocol ?? 'udp', options.listen[0]?.address.includes(':') === true)?.port ?? 0;
  return { agent, calls, traced, port, transports };
}

test.each([
  ['udp', '127.0.0.1', ''],
  ['tcp', '127.0.0.1', ';transport=tcp'],
  ['tls', '127.0.0.1', ';transport=tls'],
  ['udp', '::1', ''],
  ['tcp', '::1', ';transport=tcp'],
] as const)('a call by %s at %s is set up and hung up, and its Contact leads back', async (protocol, address, params) => {
  const listen = [{ protocol, address, port: 0 }];
  const callee = await agentOn({ listen });
  const caller = await agentOn({ listen });
  const host = address.includes(':') ? `[${address}]` : address;
  let isAnswered = false;
  const call = caller.agent.invite(
    { to: `sip:100@${host}:${callee.port}${params}`, from: `sip:200@${host}`, sdp: 'v=0\r\n' },
    {
      answered: () => {
        isAnswered = true;
      },
    },
  );
  await until(() => isAnswered && callee.calls[0]?.state() === 'answered');
  const contact = header(callee.traced.find(({ isSent }) => !isSent)?.message ?? { headers: [], body: new Uint8Array(0) }, 'Contact');
  expect(contact).toBe(`<sip:200@${host}:${caller.port}${params}>`);
  await until(() => callee.traced.some(({ message }) => message.kind === 'request' && message.method === 'ACK'));
  // The callee hangs up: its BYE goes to the caller's Contact.
  callee.calls[0]?.hangUp();
  await until(() => call.state() === 'ended');
});

test('requests to one place share a connection, and a closed one is opened again', async () => {
  const seen: string[] = [];
  const sockets: Socket[] = [];
  const server = keep(
    createServer((socket) => {
      sockets.push(socket);
      socket.on('data', (bytes) => seen.push(bytes.toString()));
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1'),
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const target = { protocol: 'tcp', address: '127.0.0.1', port, host: '127.0.0.1' } as const;
  const transports = await transportsOf(udp);
  await Promise.all([transports.send(Buffer.from('one'), target), transports.send(Buffer.from('two'), target)]);
  await until(() => seen.join('') === 'onetwo');
  expect(sockets).toHaveLength(1);
  sockets[0]?.destroy();
  await until(() =>
    transports.send(Buffer.from('three'), target).then(
      () => sockets.length === 2,
      () => false,
    ),
  );
  await until(() => seen.join('').includes('three'));
  for (const socket of sockets) socket.destroy();
});

test('a place that refuses the connection, or whose certificate is of another authority, cannot be sent to', async () => {
  const secure = await agentOn({ listen: [{ protocol: 'tls', address: '127.0.0.1', port: 0 }] });
  const distrusting = keep(await openTransports({ listen: [udp] }));
  const target = { protocol: 'tls', address: '127.0.0.1', port: secure.port, host: '127.0.0.1' } as const;
  await expect(distrusting.send(Buffer.from('x'), target)).rejects.toThrow(/self-signed/);
  await expect(distrusting.send(Buffer.from('x'), { ...target, protocol: 'tcp', port: 1 })).rejects.toThrow(/ECONNREFUSED/);
  const trusting = await transportsOf(udp);
  await expect(trusting.send(Buffer.from('x'), { ...target, host: 'other.example.com' })).rejects.toThrow(/altnames/);
});

test('a datagram is answered at the port that it came from where the Via says rport, else at the port of the Via', async () => {
  const { port } = await agentOn({ listen: [udp] });
  const [one, other] = [createSocket('udp4'), createSocket('udp4')];
  keep({ close: () => [one.close(), other.close()] });
  for (const socket of [one, other]) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  const options = (via: string): string =>
    `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP ${via};branch=z9hG4bK${via.length}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n`;
  one.send(options('10.0.0.1:9;rport'), port, '127.0.0.1');
  const [natted] = (await once(one, 'message')) as [Buffer];
  expect(natted.toString()).toContain(`;rport=${one.address().port}`);
  expect(natted.toString()).toContain(';received=127.0.0.1');
  one.send(options(`10.0.0.1:${other.address().port}`), port, '127.0.0.1');
  const [plain] = (await once(other, 'message')) as [Buffer];
  expect(plain.toString()).toContain('SIP/2.0 200 OK');
});

test('pings of a connection are answered, and nonsense closes it', async () => {
  const { port } = await agentOn({ listen: [{ protocol: 'tcp', address: '127.0.0.1', port: 0 }] });
  const socket = connect(port, '127.0.0.1');
  keep({ close: () => socket.destroy() });
  socket.write('\r\n\r\n');
  const [pong] = (await once(socket, 'data')) as [Buffer];
  expect(pong.toString()).toBe('\r\n');
  socket.write('OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n');
  await once(socket, 'close');
});

test('connections beyond the limit are closed', async () => {
  const { port } = await agentOn({ listen: [{ protocol: 'tcp', address: '127.0.0.1', port: 0 }], maxConnections: 1 });
  const first = connect(port, '127.0.0.1');
  await once(first, 'connect');
  const second = connect(port, '127.0.0.1');
  keep({ close: () => [first.destroy(), second.destroy()] });
  second.on('error', () => {}); // a reset is a close, too
  await once(second, 'close');
  expect(first.destroyed).toBe(false);
});

test('two instances share a port, each names its own for the call, and one that drains leaves the port to the other', async () => {
  const taken = await transportsOf({ ...udp, isShared: true });
  const shared = { ...udp, port: taken.local('udp', false)?.port ?? 0, isShared: true };
  const old = await agentOn({ listen: [udp, shared] });
  await taken.close();
  const caller = await agentOn({ listen: [udp] });
  const dial = () => caller.agent.invite({ to: `sip:100@127.0.0.1:${shared.port}`, from: 'sip:200@127.0.0.1', sdp: 'v=0\r\n' }, {});
  const first = dial();
  await until(() => first.state() === 'answered');
  expect(first.dialog().remoteTarget).toBe(`sip:100@127.0.0.1:${old.port}`);
  const next = await agentOn({ listen: [udp, shared] });
  const draining = old.agent.drain(AbortSignal.timeout(60_000));
  const second = dial();
  await until(() => second.state() === 'answered');
  expect(second.dialog().remoteTarget).toBe(`sip:100@127.0.0.1:${next.port}`);
  expect(first.state()).toBe('answered');
  first.hangUp();
  await draining;
});

/** Two calls ring at a draining instance while the next instance has the shared port. */
async function ringingWhileDraining() {
  const taken = await transportsOf({ ...udp, isShared: true });
  const shared = { ...udp, port: taken.local('udp', false)?.port ?? 0, isShared: true };
  const old = await agentOn({ listen: [udp, shared] }, { answers: false });
  await taken.close();
  const caller = await agentOn({ listen: [udp] });
  const dial = () => caller.agent.invite({ to: `sip:100@127.0.0.1:${shared.port}`, from: 'sip:200@127.0.0.1', sdp: 'v=0\r\n' }, {});
  const ringing = [dial(), dial()] as const;
  await until(() => ringing.every((call) => call.state() === 'early') && old.calls.length === 2);
  const next = await agentOn(
    { listen: [udp, shared] },
    {
      holderOf: async (id, fromTag) =>
        old.calls.map((call) => call.dialog()).find((dialog) => dialog.callId === id && dialog.remoteTag === fromTag)?.contact ?? null,
    },
  );
  const drained = old.agent.drain(AbortSignal.timeout(60_000));
  return { shared, old, next, caller, ringing, drained };
}

test('a call that rings at an instance that drains is answered from the port that it came to', async () => {
  const { shared, old, caller, ringing, drained } = await ringingWhileDraining();
  for (const call of old.calls) void call.answer('v=0\r\n');
  await until(() => ringing.every((call) => call.state() === 'answered'));
  const answers = caller.traced.filter(({ message }) => message.kind === 'response' && message.status === 200);
  expect(new Set(answers.map(({ port }) => port))).toEqual(new Set([shared.port]));
  for (const call of ringing) call.hangUp();
  await drained;
});

test('a caller gives up while its call rings at an instance that drains: the next one passes its CANCEL and its ACK on', async () => {
  const { old, next, caller, ringing, drained } = await ringingWhileDraining();
  for (const call of ringing) call.hangUp();
  await until(() => ringing.every((call) => call.state() === 'ended'));
  await drained;
  expect(old.calls.map((call) => call.state())).toEqual(['ended', 'ended']);
  const statuses = caller.traced.flatMap(({ message, isSent }) => (!isSent && message.kind === 'response' ? [message.status] : []));
  expect(statuses).toContain(487);
  expect(statuses).not.toContain(481);
  expect(next.calls).toEqual([]);
  // A refusal that is acknowledged is not repeated.
  const acks = () => old.traced.filter(({ message, isSent }) => !isSent && message.kind === 'request' && message.method === 'ACK');
  await until(() => acks().length === 2);
});

test('a CANCEL that no instance knows gets 481, and an instance looks for the holders of eight at a time', async () => {
  const asked: string[] = [];
  const { promise: found, resolve } = Promise.withResolvers<null>();
  const holderOf = (id: string) => {
    asked.push(id);
    return found;
  };
  const { port } = await agentOn({ listen: [udp] }, { holderOf });
  const socket = createSocket('udp4');
  keep({ close: () => socket.close() });
  const replies: string[] = [];
  socket.on('message', (bytes) => replies.push(bytes.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const cancel = (nth: number): string =>
    [
      'CANCEL sip:100@127.0.0.1 SIP/2.0',
      `Via: SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK${nth};rport`,
      ...['From: <sip:a@b>;tag=t', 'To: <sip:100@b>', `Call-ID: c${nth}`, 'CSeq: 1 CANCEL', 'Max-Forwards: 70', 'Content-Length: 0'],
    ].join('\r\n');
  for (let nth = 0; nth < 20; nth += 1) socket.send(`${cancel(nth)}\r\n\r\n`, port, '127.0.0.1');
  await until(() => replies.length === 12);
  resolve(null);
  await until(() => replies.length === 20);
  expect(asked).toHaveLength(8);
  expect(replies.every((reply) => reply.startsWith('SIP/2.0 481'))).toBe(true);
});

test('a phone that answers in the moment in which its caller dies is acknowledged and hung up by another instance', async () => {
  const saved: Dialog[] = [];
  const callee = await agentOn({ listen: [udp] }, { answers: false });
  const transports = await openTransports({ listen: [udp] });
  const dead = createUserAgent({ transports, save: async (dialog) => void saved.push(dialog) });
  dead.invite({ to: `sip:100@127.0.0.1:${callee.port}`, from: 'sip:200@127.0.0.1', sdp: 'v=0\r\n' }, {});
  await until(() => callee.calls.length === 1);
  await dead.close();
  const [ringing] = callee.calls as [IncomingCall];
  void ringing.answer('v=0\r\n');
  await until(() => ringing.state() === 'answered');
  const { agent } = await agentOn({ listen: [udp] });
  // Without the phone's tag no BYE can be sent.
  expect(saved[0]).toMatchObject({ remoteTag: null, isConfirmed: false });
  await agent.abandon(saved[0] as Dialog);
  await until(() => ringing.state() === 'ended');
  const came = callee.traced.flatMap(({ message, isSent }) => (!isSent && message.kind === 'request' ? [message.method] : []));
  expect(came).toEqual(['INVITE', 'CANCEL', 'ACK', 'BYE']);
});

test('the port of an instance that lives is not heard', async () => {
  const [one, other] = [await transportsOf(udp), await transportsOf(udp)];
  expect(await one.hearPort(other.local('udp', false)?.port ?? 0)).toBeNull();
});
