/** The user agent against sipp, Kamailio and baresip. */
import { afterEach, expect, test } from '@jest/globals';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { loopbackCertificate } from '../../test/kit/loopback-certificate.ts';
import { movedClock } from '../../test/kit/moved-clock.ts';
import { startBaresip, startKamailio, startSipp } from '../../test/kit/sip-peers.ts';
import { bySipp, expectResponse, maybe, pause, receive, receiveAnd, request, respond } from '../../test/kit/sipp-steps.ts';
import { until } from '../../test/kit/until.ts';
import type { CallEnd, CallEvents, IncomingCall } from './call.ts';
import { type Clock, systemClock } from './clock.ts';
import { cseq } from './message.ts';
import { createOffer, type LocalAudio } from './offer-answer.ts';
import type { InviteOptions } from './outgoing-call.ts';
import { type Listener, openTransports, type Transports } from './transport.ts';
import { createUserAgent } from './user-agent.ts';

const local: LocalAudio = {
  sessionId: '1',
  version: 1,
  address: '127.0.0.1',
  port: 40_000,
  codecs: ['PCMU', 'PCMA'],
  ptimeMs: 20,
  direction: 'sendrecv',
};
const sdp = createOffer(local);
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
});
function keep<T extends AsyncDisposable>(one: T): T {
  opened.push(one);
  return one;
}

interface AgentOptions {
  readonly clock?: Clock;
  readonly wrap?: (transports: Transports) => Transports;
  readonly listen?: readonly Listener[];
  readonly onCall?: (call: IncomingCall) => void;
  readonly events?: CallEvents;
}
const udp: Listener = { protocol: 'udp', address: '127.0.0.1', port: 0 };

async function setup({ clock = systemClock, wrap = (each) => each, listen = [udp], onCall, events = {} }: AgentOptions = {}) {
  const transports = wrap(await openTransports({ listen, tls: { ...loopbackCertificate, ca: loopbackCertificate.cert } }));
  const calls: IncomingCall[] = [];
  const seen: string[] = [];
  /** `> ACK` was sent, `< 200 BYE` came. */
  const traced: string[] = [];
  const ends: CallEnd[] = [];
  const note: CallEvents = {
    provisional: (progress) => seen.push(`${progress.status}${progress.sdp === null ? '' : ' with SDP'}`),
    answered: () => seen.push('answered'),
    acknowledged: () => seen.push('acknowledged'),
    offer: () => ({ sdp }),
    ...events,
    ended(end) {
      seen.push('ended');
      ends.push(end);
    },
  };
  const agent = createUserAgent({
    transports,
    clock,
    on: {
      trace: ({ isSent, message }) =>
        traced.push(`${isSent ? '>' : '<'} ${message.kind === 'request' ? message.method : `${message.status} ${cseq(message)?.method}`}`),
      incoming(call) {
        calls.push(call);
        call.listen(note);
        (onCall ?? ((each) => void each.answer(sdp)))(call);
      },
    },
  });
  keep({ [Symbol.asyncDispose]: () => agent.close() });
  const [first = udp] = listen;
  const port = transports.local(first.protocol, false)?.port ?? 0;
  const dial = (target: number, options: Partial<InviteOptions> = {}) =>
    agent.invite({ to: `sip:100@127.0.0.1:${target}`, from: `sip:polyb@127.0.0.1:${port}`, sdp, ...options }, note);
  const count = (what: string): number => traced.filter((each) => each === what).length;
  return { agent, port, dial, calls, seen, ends, count };
}

const bye = [receive('BYE'), respond('200 OK', { tag: '' })];

/** One call to sipp, which the scenario ends; `act` acts for this side. */
async function toSipp(
  steps: readonly string[],
  act: (it: Awaited<ReturnType<typeof setup>>, call: ReturnType<Awaited<ReturnType<typeof setup>>['dial']>) => Promise<void> | void,
  options: AgentOptions = {},
) {
  const it = await setup(options);
  const sipp = keep(await startSipp({ scenario: steps.join('\n') }));
  const call = it.dial(sipp.port);
  await act(it, call);
  const status = await sipp.done;
  if (status !== 0) throw new Error(`sipp ended with ${status}: ${sipp.output()}`);
  await until(() => it.ends.length > 0);
  return it;
}

test('sipp: a call is answered and hung up', async () => {
  const it = await toSipp(
    [
      receive('INVITE'),
      respond('100 Trying', { tag: '' }),
      respond('180 Ringing'),
      respond('200 OK', { sdp: true, retransMs: 500 }),
      receive('ACK'),
      ...bye,
    ],
    async ({ seen }, call) => {
      await until(() => seen.includes('answered'));
      call.hangUp();
    },
  );
  expect([it.seen, it.ends[0]?.by]).toEqual([['180', 'answered', 'ended'], 'us']);
});

test.each([
  [486, 'Busy Here'],
  [480, 'Temporarily Unavailable'],
])('sipp: a call that is refused with %d ends, and sipp has its ACK', async (status, reason) => {
  const it = await toSipp([receive('INVITE'), respond(`${status} ${reason}`, { retransMs: 500 }), receive('ACK')], () => {});
  expect(it.ends).toMatchObject([{ by: 'peer', status, reason, wasAnswered: false }]);
});

test('sipp: early media, then ringing, then no answer: the call is refused with 480', async () => {
  const it = await toSipp(
    [
      receive('INVITE'),
      respond('183 Session Progress', { sdp: true }),
      respond('180 Ringing'),
      respond('480 Temporarily Unavailable', { retransMs: 500 }),
      receive('ACK'),
    ],
    () => {},
  );
  expect([it.seen, it.ends[0]?.status]).toEqual([['183 with SDP', '180', 'ended'], 480]);
});

test('sipp: a phone that is not answered is cancelled', async () => {
  const it = await toSipp(
    [
      receive('INVITE'),
      respond('180 Ringing'),
      receive('CANCEL'),
      respond('200 OK', {}),
      respond('487 Request Terminated', { seq: '1 INVITE', retransMs: 500 }),
      receive('ACK'),
    ],
    async ({ seen }, call) => {
      await until(() => seen.includes('180'));
      call.hangUp();
    },
  );
  expect(it.ends).toMatchObject([{ by: 'us', status: 487, wasAnswered: false }]);
});

test('sipp: an answer that crosses the CANCEL is acknowledged and hung up', async () => {
  const it = await toSipp(
    [
      receive('INVITE'),
      respond('180 Ringing'),
      receive('CANCEL'),
      respond('200 OK', {}),
      respond('200 OK', { seq: '1 INVITE', sdp: true, retransMs: 500 }),
      receive('ACK'),
      ...bye,
    ],
    async ({ seen }, call) => {
      await until(() => seen.includes('180'));
      call.hangUp();
    },
  );
  expect([it.seen, it.ends[0]?.wasAnswered]).toEqual([['180', 'ended'], false]);
});

test('sipp: both phones of a fork that answer are acknowledged, the later is hung up', async () => {
  const invite = receiveAnd('INVITE', { via: 'Via', to: 'To' });
  const second = respond('200 OK', { sdp: true, seq: '1 INVITE', tag: '' })
    .replace('[last_Via:]', 'Via:[$via]')
    .replace('[last_To:]', 'To:[$to];tag=second');
  const it = await toSipp(
    [
      invite,
      respond('200 OK', { sdp: true, tag: 'first' }),
      receive('ACK'),
      second,
      receive('ACK'),
      receive('BYE'),
      respond('200 OK', { tag: '' }),
      ...bye,
    ],
    async ({ agent, count }, call) => {
      await until(() => count('< 200 BYE') === 1);
      expect([call.state(), agent.calls().length]).toEqual(['answered', 1]);
      call.hangUp();
    },
  );
  expect(it.seen).toEqual(['answered', 'ended']);
});
test('sipp: twenty calls come in at once', async () => {
  const it = await setup();
  const sipp = keep(
    await startSipp({
      target: it.port,
      calls: 20,
      perSecond: 200,
      scenario: [
        request('INVITE', 1, { sdp: true, retransMs: 500 }),
        maybe(100),
        expectResponse(200, 'rrs="true"'),
        request('ACK', 1),
        request('BYE', 2, { retransMs: 500 }),
        expectResponse(200),
      ].join('\n'),
    }),
  );
  expect([await sipp.done, sipp.output().slice(-300)]).toEqual([0, expect.anything()]);
  await until(() => it.ends.length === 20);
  expect(it.ends.every(({ by, wasAnswered }) => by === 'peer' && wasAnswered)).toBe(true);
});

test('sipp: an answer is sent again until its ACK comes', async () => {
  const clock = movedClock();
  const it = await setup({ clock });
  const sipp = keep(
    await startSipp({
      target: it.port,
      scenario: [
        request('INVITE', 1, { sdp: true }),
        maybe(100),
        expectResponse(200, 'rrs="true"'),
        // Not acknowledged until it has come again.
        pause(300),
        request('ACK', 1),
        receive('BYE'),
        respond('200 OK', { tag: '' }),
      ].join('\n'),
    }),
  );
  await until(() => it.calls[0]?.state() === 'answered');
  await clock.advance(1_600);
  await until(() => it.seen.includes('acknowledged'));
  it.calls[0]?.hangUp();
  expect(await sipp.done).toBe(0);
});

test('sipp: hold, resume and UPDATE of the peer are answered within the call', async () => {
  const offers: string[] = [];
  const it = await setup({
    events: {
      offer(offered) {
        offers.push(/a=(sendonly|sendrecv|inactive)/.exec(offered ?? '')?.[1] ?? 'none');
        return { sdp };
      },
    },
  });
  const sipp = keep(
    await startSipp({
      target: it.port,
      scenario: [
        request('INVITE', 1, { sdp: true, retransMs: 500 }),
        maybe(100),
        expectResponse(200, 'rrs="true"'),
        request('ACK', 1),
        request('INVITE', 2, { sdp: 'sendonly', retransMs: 500 }),
        maybe(100),
        expectResponse(200),
        request('ACK', 2),
        request('UPDATE', 3, { sdp: 'sendrecv', retransMs: 500 }),
        expectResponse(200),
        request('BYE', 4, { retransMs: 500 }),
        expectResponse(200),
      ].join('\n'),
    }),
  );
  expect([await sipp.done, offers]).toEqual([0, ['sendonly', 'sendrecv']]);
});

test('sipp: a session timer is refreshed by UPDATE at half of its interval', async () => {
  const clock = movedClock();
  const it = await toSipp(
    [
      receive('INVITE'),
      respond('200 OK', { sdp: true, headers: ['Session-Expires: 120;refresher=uac', 'Allow: INVITE, ACK, BYE, UPDATE'] }),
      receive('ACK'),
      receive('UPDATE'),
      respond('200 OK', { tag: '', headers: ['Session-Expires: 120;refresher=uac'] }),
      ...bye,
    ],
    async ({ seen, count }, call) => {
      await until(() => seen.includes('answered'));
      await clock.advance(60_000);
      await until(() => count('< 200 UPDATE') === 1);
      call.hangUp();
    },
    { clock },
  );
  expect(it.ends).toMatchObject([{ by: 'us' }]);
});

/** Runs ten times as fast, so that waits after losses are short. */
const fastClock: Clock = { now: () => systemClock.now() * 10, after: (ms, work) => systemClock.after(ms / 10, work) };

function losing(share: number, seed: number): (transports: Transports) => Transports {
  const random = seededRandom(seed);
  return (transports) => ({
    ...transports,
    receive: (receiver) =>
      transports.receive((bytes, flow) => {
        const reply = (back: Uint8Array, port?: number) => (random() < share ? Promise.resolve() : flow.reply(back, port));
        if (random() >= share) receiver(bytes, { ...flow, reply });
      }),
    send: (bytes, target) => (random() < share ? Promise.resolve() : transports.send(bytes, target)),
  });
}

test('sipp: 20 of 20 calls each way complete while 20 % of all packets are lost each way', async () => {
  const ends: CallEnd[] = [];
  const it = await setup({
    clock: fastClock,
    wrap: losing(0.2, 7),
    onCall(call) {
      call.listen({ acknowledged: () => call.hangUp(), ended: (end) => ends.push(end) });
      void call.answer(sdp);
    },
  });
  const callee = keep(
    await startSipp({
      calls: 20,
      t2Ms: 400,
      scenario: [
        receive('INVITE', 'rrs="true"'),
        respond('200 OK', { sdp: true, retransMs: 50 }),
        receiveAnd('ACK', { from: 'From', to: 'To' }),
        bySipp('BYE', { retransMs: 50 }),
        expectResponse(200),
      ].join('\n'),
    }),
  );
  for (let calls = 0; calls < 20; calls += 1) it.dial(callee.port);
  const status = await callee.done;
  expect([status, status === 0 ? '' : callee.output()]).toEqual([0, '']);
  await until(() => it.ends.length === 20);
  const caller = keep(
    await startSipp({
      target: it.port,
      calls: 20,
      t2Ms: 400,
      scenario: [
        request('INVITE', 1, { sdp: true, retransMs: 50 }),
        maybe(100),
        expectResponse(200, 'rrs="true"'),
        request('ACK', 1),
        receive('BYE'),
        respond('200 OK', { tag: '' }),
      ].join('\n'),
    }),
  );
  const ended = await caller.done;
  expect([ended, ended === 0 ? '' : caller.output()]).toEqual([0, '']);
  await until(() => ends.length === 20);
  expect([...it.ends, ...ends].every(({ wasAnswered }) => wasAnswered)).toBe(true);
});

const proxied = (next: number): string => `
  if (is_method("INVITE|REGISTER") && !has_totag()) {
    if (!pv_proxy_authenticate("polyb", "right", "0")) { proxy_challenge("polyb", "1"); exit; }
    consume_credentials();
  }
  if (has_totag() && loose_route()) { t_relay(); exit; }
  if (is_method("CANCEL")) { t_relay(); exit; }
  record_route();
  $du = "sip:127.0.0.1:${next}";
  t_relay();`;

test.each(['udp', 'tls'] as const)(
  'Kamailio by %s: the right password calls through its Record-Route, a wrong one is refused once more',
  async (protocol) => {
    const callee = await setup();
    const kamailio = keep(
      await startKamailio({
        route: proxied(callee.port),
        // Calls go on by UDP.
        listen: (port) => [`udp:127.0.0.1:${port}`, ...(protocol === 'tls' ? [`tls:127.0.0.1:${port + 1}`] : [])],
        modules: ['auth', ...(protocol === 'tls' ? ['tls'] : [])],
        parameters: [
          'modparam("auth", "secret", "s")',
          ...(protocol === 'tls'
            ? [
                'modparam("tls", "tls_method", "TLSv1.2+")',
                'modparam("tls", "certificate", "DIR/cert.pem")',
                'modparam("tls", "private_key", "DIR/key.pem")',
              ]
            : []),
        ],
        files: { 'cert.pem': loopbackCertificate.cert, 'key.pem': loopbackCertificate.key },
      }),
    );
    const caller = await setup({
      listen: [udp, { protocol: 'tcp', address: '127.0.0.1', port: 0 }, { protocol: 'tls', address: '127.0.0.1', port: 0 }],
    });
    const to = protocol === 'tls' ? `sip:100@127.0.0.1:${kamailio.port + 1};transport=tls` : `sip:100@127.0.0.1:${kamailio.port}`;
    const call = caller.dial(0, { to, credentials: { username: 'polyb', password: 'right' } });
    await until(() => {
      if (caller.ends.length > 0) throw new Error(`${JSON.stringify(caller.ends)} ${kamailio.output().slice(-2_000)}`);
      return callee.seen.includes('acknowledged');
    });
    expect(call.dialog().routes).toHaveLength(protocol === 'tls' ? 2 : 1);
    // Both sides end a call: the BYE of each goes through the proxy.
    callee.calls[0]?.hangUp();
    await until(() => call.state() === 'ended');
    expect(caller.ends).toMatchObject([{ by: 'peer', wasAnswered: true }]);
    caller.dial(0, { to, credentials: { username: 'polyb', password: 'wrong' } });
    await until(() => caller.ends.length === 2);
    expect([caller.ends[1]?.status, callee.calls.length]).toEqual([407, 1]);
  },
);

test('baresip: it is called and hung up, and it calls and hangs up', async () => {
  const it = await setup();
  const baresip = keep(await startBaresip());
  const call = it.dial(0, { to: `sip:phone@127.0.0.1:${baresip.port}` });
  await until(() => baresip.events.includes('CALL_INCOMING'));
  baresip.command('accept');
  await until(() => call.state() === 'answered' && baresip.events.includes('CALL_ESTABLISHED'));
  call.hangUp();
  await until(() => baresip.events.includes('CALL_CLOSED'));
  baresip.command('dial', `sip:polyb@127.0.0.1:${it.port}`);
  await until(() => it.seen.includes('acknowledged'));
  baresip.command('hangup');
  await until(() => it.ends.length === 2);
  expect(it.ends).toMatchObject([{ by: 'us' }, { by: 'peer', wasAnswered: true }]);
});
