import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { nkeys } from '@nats-io/transport-node';
import { z } from 'zod';
import { calls } from '../../contracts/calls.ts';
import { crm } from '../../contracts/crm.ts';
import { contract, event, method, settled, stream } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { telephony } from '../../contracts/telephony.ts';
import { findNatsServer } from '../../scripts/infra/nats-server.ts';
import { type RunningServer, startNats } from '../../scripts/infra/start.ts';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { memoryLog, until } from '../../test/kit/bed.ts';
import { createBus } from '../bus.ts';
import type { Context } from '../service.ts';
import { connectNats } from '../transports/nats.ts';
import type { Transport } from '../transports/transport.ts';
import { type Credential, natsConfig, permissions, withFormerRights } from './permissions.ts';

const { log: quiet } = memoryLog();
const Id = z.strictObject({ id: z.string().max(9) });
const media = contract('media', '1.0.0', {
  listen: stream({ summary: 'x', input: Id, up: Id, down: Id, topic: 'id' }),
  line: stream({ summary: 'x', input: Id, up: Id, down: Id, topic: 'id', owner: 'id' }),
  mute: method({ summary: 'x', input: Id, output: Id, idempotency: 'idempotent', owner: 'id' }),
  ring: method({ summary: 'x', input: Id, output: Id, idempotency: 'idempotent', reaches: 'customer' }),
  spoke: event({ summary: 'x', payload: Id, key: 'id' }),
});
const users = permissions([
  { folder: 'crm-connector', serves: { crm }, uses: [] },
  {
    folder: 'call-orchestrator',
    serves: { calls },
    uses: [crm.log_call, telephony.dial, telephony.leg_changed, settled(telephony.dial), media.listen, media.line, media.mute],
  },
  { folder: 'telephony-gateway', serves: { telephony, media }, uses: [telephony.dial, crm.find_contact] },
]);

const seed = nkeys.createUser();
const credentials: Record<string, Credential> = {
  'crm-connector': { password: 'p1' },
  'call-orchestrator': { password: 'p2' },
  'telephony-gateway': { nkey: seed.getPublicKey() },
  operator: { password: 'p4' },
  all: { password: 'p5' },
};
const connections: Transport[] = [];
let server: RunningServer;
let dir: string;

beforeAll(async () => {
  dir = temporaryDir();
  server = await startNats({ dir, temporary: true, configFile: await configured(natsConfig(users, { credentials, noAuthUser: 'guest' })) });
});
afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await server.stop();
});

async function configured(config: string): Promise<string> {
  const file = join(dir, `${crypto.randomUUID()}.conf`);
  await writeFile(file, config);
  return file;
}
async function as(name: string): Promise<Transport> {
  const credential = credentials[name];
  const connection = await connectNats({
    servers: server.url,
    name,
    inboxUser: name,
    timeoutMs: 10_000,
    ...(credential && 'password' in credential && { user: name, pass: credential.password }),
    ...(credential && 'nkey' in credential && { nkeySeed: new TextDecoder().decode(seed.getSeed()) }),
  });
  connections.push(connection);
  return connection;
}
/** The subjects that the server refused to let the user publish or subscribe to, of those given. */
async function refused(name: string, subjects: { readonly publish?: readonly string[]; readonly subscribe?: readonly string[] }) {
  const connection = await as(name);
  const refusals: string[] = [];
  const asked = Promise.withResolvers<void>();
  connection.onRefused((subject) => (subject === '$SYS.end' ? asked.resolve() : refusals.push(`publish ${subject}`)));
  for (const subject of subjects.subscribe ?? [])
    connection.subscribe(subject, () => {}, { onError: () => refusals.push(`subscribe ${subject}`) });
  for (const subject of subjects.publish ?? []) connection.publish(subject, '{}');
  connection.publish('$SYS.end', ''); // refused to everybody, and after what came before
  await asked.promise;
  return refusals;
}
const both = (subjects: Parameters<typeof refused>[1]) => [
  ...(subjects.subscribe ?? []).map((subject) => `subscribe ${subject}`),
  ...(subjects.publish ?? []).map((subject) => `publish ${subject}`),
];

test.each([
  [
    'crm-connector',
    {
      publish: ['_INBOX.operator.i.1', 'polyb.rpc.crm.find_contact.by.crm-connector', 'polyb.ctl.crm', 'polyb.evt.crm.lead_created'],
      subscribe: [
        'polyb.rpc.crm.push_to_crm',
        'polyb.rpc.crm.push_to_crm.by.*',
        'polyb.ctl.crm',
        '_INBOX.crm-connector.i.*',
        '$SRV.PING',
        '$SRV.INFO.crm',
        '$SRV.STATS.crm.i',
      ],
    },
  ],
  [
    'call-orchestrator',
    {
      publish: [
        'polyb.rpc.crm.log_call.by.call-orchestrator',
        'polyb.rpc.telephony.dial.by.call-orchestrator',
        'polyb.evt.telephony.dial_queued',
        'polyb.rpc.media.listen.by.call-orchestrator',
        'polyb.rpc.media.mute.leg7.by.call-orchestrator',
        'polyb.rpc.media.line.leg7.by.call-orchestrator',
        'polyb.str.telephony-gateway.i.7j',
        'polyb.ctl.media',
      ],
      subscribe: [
        'polyb.evt.telephony.leg_changed',
        'polyb.evt.telephony.dial_settled',
        'polyb.evt.calls.start_call_queued',
        'polyb.str.call-orchestrator.i.*',
        'polyb.tap.media.listen.topic',
      ],
    },
  ],
  [
    'telephony-gateway',
    {
      publish: ['polyb.tap.media.listen.topic'],
      subscribe: [
        'polyb.rpc.media.mute.leg7',
        'polyb.rpc.media.mute.leg7.by.*',
        'polyb.rpc.media.line.leg7.by.*',
        'polyb.rpc.media.listen',
        'polyb.rpc.telephony.dial.by.*',
      ],
    },
  ],
  [
    'operator',
    {
      publish: [
        'polyb.rpc.calls.start_call.by.operator',
        'polyb.rpc.media.mute.x.by.operator',
        'polyb.rpc.lab.served_elsewhere.by.operator',
        'polyb.ctl.crm',
        '$SRV.PING',
        '$SRV.STATS.crm.i',
        'polyb.str.crm-connector.i.1c',
      ],
      subscribe: ['_INBOX.operator.i.*', 'polyb.evt.>', 'polyb.str.operator.i.*', 'polyb.tap.>'],
    },
  ],
  [
    'guest',
    {
      publish: ['polyb.rpc.crm.push_to_crm', 'polyb.rpc.media.mute.x', '$SRV.PING', '$SRV.STATS.crm.i'],
      subscribe: ['_INBOX.guest.i.*', '_INBOX.a1B2.*', '_INBOX.a1B2'],
    },
  ],
  [
    'all',
    {
      publish: ['_INBOX.operator.i.1', 'polyb.rpc.telephony.dial.by.call-orchestrator', 'polyb.evt.calls.call_ended'],
      subscribe: ['polyb.rpc.crm.push_to_crm', 'polyb.rpc.media.mute.x', '_INBOX.all.i.*', '_INBOX.crm-connector.i.*'],
    },
  ],
])('%s may publish and subscribe to what it declares', async (name, subjects) => {
  expect(await refused(name, subjects)).toEqual([]);
});

test.each([
  [
    'crm-connector',
    {
      publish: [
        'polyb.rpc.calls.start_call.by.crm-connector',
        'polyb.rpc.crm.find_contact',
        'polyb.rpc.crm.find_contact.by.operator',
        'polyb.rpc.crm.find_contact.by.guest',
        'polyb.evt.calls.call_ended',
        'polyb.ctl.calls',
        'polyb.str.operator.i.1j',
        'polyb.tap.media.listen.x',
        '$SRV.PING',
        '$JS.API.INFO',
      ],
      subscribe: [
        'polyb.rpc.calls.start_call',
        'polyb.rpc.>',
        'polyb.ctl.calls',
        '_INBOX.>',
        '_INBOX.*.*',
        '_INBOX.operator.>',
        '_INBOX.crm-connector2.>',
        'polyb.evt.>',
        '$SRV.PING.calls',
        '$SRV.>',
        '>',
        'polyb.str.>',
      ],
    },
  ],
  [
    'call-orchestrator',
    {
      publish: [
        'polyb.rpc.telephony.hang_up.*.by.call-orchestrator',
        'polyb.rpc.crm.push_to_crm.by.call-orchestrator',
        'polyb.rpc.crm.log_call.by.operator',
        'polyb.rpc.media.mute.leg7.by.telephony-gateway',
        'polyb.rpc.media.line.by.call-orchestrator',
        'polyb.rpc.media.line.leg7.by.telephony-gateway',
        'polyb.evt.telephony.leg_changed',
        'polyb.evt.crm.lead_created',
        'polyb.rpc.calls.allow_calls.by.call-orchestrator',
      ],
      subscribe: [
        'polyb.evt.crm.lead_created',
        'polyb.str.telephony-gateway.>',
        'polyb.rpc.media.mute.leg7',
        'polyb.rpc.media.line.leg7',
        'polyb.rpc.crm.log_call',
      ],
    },
  ],
  [
    'telephony-gateway',
    {
      publish: ['polyb.rpc.telephony.dial.by.telephony-gateway'],
      subscribe: ['polyb.rpc.media.mute', 'polyb.rpc.media.line', 'polyb.rpc.telephony.dial'],
    },
  ],
  [
    'operator',
    {
      publish: [
        'polyb.rpc.telephony.dial.by.operator',
        'polyb.rpc.calls.start_call',
        'polyb.rpc.calls.start_call.by.gateway',
        'polyb.rpc.media.mute.x.by.gateway',
        'polyb.evt.calls.call_ended',
        '_INBOX.guest.i.1',
        '$JS.API.INFO',
      ],
      subscribe: ['_INBOX.>', 'polyb.rpc.crm.push_to_crm', 'polyb.str.>', 'polyb.ctl.crm'],
    },
  ],
  [
    'guest',
    {
      publish: [
        'polyb.rpc.crm.push_to_crm.by.operator',
        'polyb.rpc.crm.push_to_crm.by.guest',
        'polyb.rpc.calls.start_call',
        'polyb.rpc.calls.allow_calls',
        'polyb.rpc.telephony.dial',
        'polyb.rpc.media.ring',
        'polyb.rpc.media.listen',
        'polyb.ctl.crm',
        '_INBOX.operator.i.1',
        '$SRV.OTHER',
      ],
      subscribe: ['_INBOX.*.*.*', '_INBOX.operator.>', '_INBOX.call-orchestrator.*', 'polyb.>', 'polyb.evt.>', '>'],
    },
  ],
  ['all', { publish: ['$JS.API.INFO', '$SRV.PING'], subscribe: ['_INBOX.>', '>', '_INBOX.operator.>'] }],
])('%s may not publish or subscribe to anything else', async (name, subjects) => {
  expect(await refused(name, subjects)).toEqual(both(subjects));
});

test('discovery replies to a bare socket without credentials, but not to the inbox of a call or to any other subject', async () => {
  const [provider, operator] = (await Promise.all(['crm-connector', 'operator'].map(as))) as [Transport, Transport];
  const bus = createBus({ transport: provider, name: 'crm-connector', log: quiet });
  await bus.serve([crm.find_contact], { [crm.find_contact.address]: (async () => ({ contacts: [] })) as never });
  const misled: string[] = [];
  operator.subscribe('polyb.evt.>', ({ subject }) => misled.push(subject));
  operator.subscribe(`${operator.inbox}.*`, ({ subject }) => misled.push(subject));
  await operator.flush();
  const { port } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8');
  let heard = '';
  socket.on('data', (text) => (heard += text));
  const asked = ['PING', 'INFO.crm', `STATS.crm.${bus.instance}`];
  const wrong = ['polyb.evt.crm.lead_created', `${operator.inbox}.1`];
  const lines = [
    'CONNECT {"verbose":false}',
    'SUB _INBOX.* 1',
    'SUB _INBOX.*.* 2',
    ...wrong.map((reply) => `PUB $SRV.PING.crm ${reply} 0\r\n`),
    ...asked.map((verb, index) => `PUB $SRV.${verb} _INBOX.a1B2${index % 2 ? '.1' : ''} 0\r\n`),
  ];
  socket.write(`${lines.join('\r\n')}\r\n`);
  await until(() => ['ping', 'info', 'stats'].every((verb) => heard.includes(`io.nats.micro.v1.${verb}_response`)));
  await operator.flush(); // what went astray was sent before
  socket.destroy();
  await bus.close();
  expect(heard).not.toContain('-ERR');
  expect(misled).toEqual([]);
});

/** Answers every request at the subject. */
function answering(connection: Transport, subject: string): string[] {
  const heard: string[] = [];
  connection.subscribe(subject, ({ data, reply }) => {
    heard.push(Buffer.from(data).toString());
    connection.publish(reply, 'answer');
  });
  return heard;
}
async function ask(connection: Transport, subject: string, reply: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const subscription = connection.subscribe(reply, ({ data, headers }) =>
    resolve(headers.split('\r\n')[0] || Buffer.from(data).toString()),
  );
  connection.publish(subject, 'asked', '', reply);
  const answer = await promise;
  subscription.unsubscribe();
  return answer;
}

test('a call and its reply pass, and a guest with all its permitted subscriptions receives neither', async () => {
  const [provider, caller, eavesdropper] = (await Promise.all(['crm-connector', 'call-orchestrator', 'guest'].map(as))) as [
    Transport,
    Transport,
    Transport,
  ];
  answering(provider, 'polyb.rpc.crm.log_call.by.*');
  answering(provider, 'polyb.rpc.crm.find_contact');
  await provider.flush();
  const overheard: string[] = [];
  for (const subject of ['_INBOX.*', '_INBOX.*.*', '_INBOX.>', '_INBOX.*.>', '_INBOX.call-orchestrator.>'])
    for (const queue of [undefined, 'q'])
      eavesdropper.subscribe(subject, (message) => overheard.push(message.subject), { ...(queue && { queue }), onError: () => {} });
  await eavesdropper.flush();
  expect(await ask(caller, 'polyb.rpc.crm.log_call.by.call-orchestrator', `${caller.inbox}.1`)).toBe('answer');
  expect(await ask(eavesdropper, 'polyb.rpc.crm.find_contact', '_INBOX.a1B2.1')).toBe('answer'); // after the other in the server
  expect(new Set(overheard)).toEqual(new Set(['_INBOX.a1B2.1']));
});

test('a service gets the name of the calling user from the subject, whatever the headers claim', async () => {
  const [provider, caller, guest] = (await Promise.all(['crm-connector', 'call-orchestrator', 'guest'].map(as))) as [
    Transport,
    Transport,
    Transport,
  ];
  const bus = createBus({ transport: provider, name: 'crm-connector', log: quiet });
  const heard: string[] = [];
  const noted = (_: unknown, { caller: by }: Context) => {
    heard.push(by);
    return Promise.reject(new PolybError('not_found', 'No such contact.'));
  };
  await bus.serve([crm.find_contact, crm.log_call], { [crm.find_contact.address]: noted, [crm.log_call.address]: noted } as never, {
    keep: (_, input, { caller: by }) => noted(input, { caller: by } as Context),
  });
  const call = JSON.stringify({
    leadId: 'l1',
    callId: 'c1',
    outcome: 'busy',
    phoneNumber: '+79990000000',
    startedAt: '2026-01-01T00:00:00Z',
    durationMs: 0,
  });
  const find = JSON.stringify({ phoneNumber: '+79990000000' });
  const claims = 'NATS/1.0\r\npolyb-caller: operator\r\ncaller: operator\r\n\r\n';
  const inboxOf = (name: string) => `_INBOX.${name}.i.1`;
  // Without its own inbox as the address of the answer, a request is not even read.
  for (const inbox of [inboxOf('operator'), inboxOf('crm-connector'), '_INBOX.a1B2.1'])
    caller.publish('polyb.rpc.crm.log_call.by.call-orchestrator', call, claims, inbox);
  for (const inbox of [inboxOf('operator'), inboxOf('call-orchestrator')]) guest.publish('polyb.rpc.crm.find_contact', find, claims, inbox);
  caller.publish('polyb.rpc.crm.log_call.by.call-orchestrator', call, claims, `${caller.inbox}.1`);
  guest.publish('polyb.rpc.crm.find_contact', find, claims, '_INBOX.a1B2.1');
  guest.publish('polyb.rpc.crm.find_contact', find, claims, `${guest.inbox}.1`);
  await until(() => heard.length >= 3);
  const dropped = bus.stats().reduce((sum, each) => sum + (each.dropped ?? 0), 0);
  expect({ heard: heard.toSorted(), dropped }).toEqual({ heard: ['call-orchestrator', 'guest', 'guest'], dropped: 5 });
});

test('a service that is made to publish a forged call as its reply is refused', async () => {
  const [deputy, victim, forger] = (await Promise.all(['crm-connector', 'call-orchestrator', 'guest'].map(as))) as [
    Transport,
    Transport,
    Transport,
  ];
  const refusal = Promise.withResolvers<string>();
  deputy.onRefused(refusal.resolve);
  answering(deputy, 'polyb.rpc.crm.create_task');
  const dialled = answering(victim, 'polyb.rpc.calls.start_call.by.*');
  await Promise.all([deputy.flush(), victim.flush()]);
  const target = 'polyb.rpc.calls.start_call.by.crm-connector';
  forger.publish('polyb.rpc.crm.create_task', '{}', '', target);
  expect(await refusal.promise).toBe(target);
  await victim.flush();
  expect(dialled).toEqual([]);
});

test('wrong credentials are refused, and missing ones are accepted only with a no-auth user', async () => {
  const closed = await startNats({
    dir: temporaryDir(),
    temporary: true,
    configFile: await configured(natsConfig(users, { credentials })),
  });
  const at = { name: 'x', inboxUser: 'x', timeoutMs: 5000 };
  await expect(connectNats({ ...at, servers: server.url, user: 'operator', pass: 'wrong' })).rejects.toMatchObject({
    code: 'unauthenticated',
  });
  await expect(connectNats({ ...at, servers: closed.url })).rejects.toMatchObject({ code: 'unauthenticated' });
  await closed.stop();
});

test('nats-server accepts the configuration, also without any service', async () => {
  const { bin } = await findNatsServer();
  for (const some of [users, permissions([])]) {
    const file = await configured(natsConfig(some, { credentials, noAuthUser: 'guest', host: '127.0.0.1', port: 4999 }));
    const { stderr } = await promisify(execFile)(bin, ['-t', '-c', file]);
    expect(stderr).toContain('is valid');
  }
});

test('only services that discover, and guests, may request metrics from all services', () => {
  const all = permissions([
    { folder: 'watcher', serves: {}, uses: [], discovers: true },
    { folder: 'crm-connector', serves: { crm }, uses: [] },
  ]);
  const asked = all.filter(({ publish }) => publish.allow.includes('$SRV.STATS')).map(({ name }) => name);
  expect(asked).toEqual(['watcher', 'all', 'guest']);
});

test('a guest may call no method when all have roles', async () => {
  const config = natsConfig(permissions([]), { credentials: {}, noAuthUser: 'guest' });
  const empty = await startNats({ dir: temporaryDir(), temporary: true, configFile: await configured(config) });
  const connection = await connectNats({ servers: empty.url, name: 'guest', inboxUser: 'guest' });
  const refusal = Promise.withResolvers<string>();
  connection.onRefused(refusal.resolve);
  connection.publish('polyb.rpc.calls.start_call', '{}');
  expect(await refusal.promise).toBe('polyb.rpc.calls.start_call');
  await connection.close();
  await empty.stop();
});

test('with another prefix no subject has the default one', () => {
  const other = permissions([{ folder: 'crm-connector', serves: { crm }, uses: [telephony.dial, media.listen] }], 'shop.test');
  expect(JSON.stringify(other)).not.toContain('polyb.');
});

test('a user whose processes run former code keeps its former rights, and no other user does', () => {
  const may = (name: string, subjects: readonly string[]) => ({
    name,
    publish: { allow: subjects.map((subject) => `p.${subject}`), deny: ['$JS.>'] },
    subscribe: { allow: subjects.map((subject) => `s.${subject}`), deny: [] },
  });
  const former = natsConfig([may('desk', ['list', 'show']), may('shop', ['sell'])], {
    credentials: { desk: { password: 'p' }, shop: { password: 'p' } },
  });
  const now = [may('desk', ['show', 'new']), may('shop', []), may('journal', ['list'])];
  expect(withFormerRights(now, former, ['desk', 'journal'])).toEqual([may('desk', ['show', 'new', 'list']), ...now.slice(1)]);
  expect(withFormerRights(now, '', ['desk'])).toEqual(now);
});

test('a user without credentials is left out, and a no-auth user is allowed only on loopback', () => {
  const config = natsConfig(users, { credentials: { operator: { password: 'p' } } });
  expect(config.match(/user: |nkey: /g)).toHaveLength(1);
  expect(() => natsConfig(users, { credentials, noAuthUser: 'guest', host: '0.0.0.0' })).toThrow('must listen on loopback');
  expect(() => natsConfig(users, { credentials: { operator: { password: 'a"b' } } })).toThrow('cannot be written');
});
