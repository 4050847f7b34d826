import { expect, test } from '@jest/globals';
import { type MovedClock, movedClock } from '../../test/kit/moved-clock.ts';
import { type SipNetwork, type SipPeer, sipNetwork } from '../../test/kit/sip-network.ts';
import type { Call, CallEnd, CallEvents, IncomingCall } from './call.ts';
import type { Dialog } from './dialog.ts';
import { callId, cseq, type Header, header, lists, numberOf, type SipRequest, type SipResponse, tag, topVia, values } from './message.ts';
import type { InviteOptions } from './outgoing-call.ts';
import { createUserAgent, type UserAgent, type UserAgentOptions } from './user-agent.ts';

const ours = '192.0.2.1';
const theirs = '192.0.2.2';
const offer = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
const answer = offer.replaceAll('192.0.2.1', '192.0.2.2');

interface Parts {
  readonly clock: MovedClock;
  readonly network: SipNetwork;
  readonly peer: SipPeer;
  readonly agent: UserAgent;
  readonly saved: Dialog[];
}
function setup(options: Partial<UserAgentOptions> = {}): Parts {
  const clock = movedClock();
  const network = sipNetwork();
  const saved: Dialog[] = [];
  const agent = createUserAgent({ transports: network.join(ours), clock, save: async (dialog) => void saved.push(dialog), ...options });
  return { clock, network, peer: network.peer(theirs), agent, saved };
}

/** Records the events of a call in order. */
function watch(events: Partial<CallEvents> = {}): { readonly seen: string[]; readonly ends: CallEnd[]; readonly events: CallEvents } {
  const seen: string[] = [];
  const ends: CallEnd[] = [];
  return {
    seen,
    ends,
    events: {
      provisional: ({ status, sdp }) => seen.push(`${status}${sdp === null ? '' : ' with SDP'}`),
      answered: ({ sdp }) => seen.push(sdp === null ? 'answered' : 'answered with SDP'),
      acknowledged: ({ sdp }) => seen.push(sdp === null ? 'acknowledged' : 'acknowledged with SDP'),
      dtmf: (digit, ms) => seen.push(`dtmf ${digit} ${ms}`),
      offer: () => ({ sdp: offer }),
      ...events,
      ended(end) {
        seen.push('ended');
        ends.push(end);
      },
    },
  };
}
const to = `sip:100@${theirs}`;
const invitation: InviteOptions = { to, from: `sip:polyb@${ours}`, sdp: offer };

async function talk(it: Parts, watched = watch(), { headers = [] as readonly Header[], options = {} as Partial<InviteOptions> } = {}) {
  const call = it.agent.invite({ ...invitation, ...options }, watched.events);
  const invite = await it.peer.nextRequest('INVITE');
  it.peer.send(it.peer.respond(invite, 200, { sdp: answer, headers }), ours);
  const ack = await it.peer.nextRequest('ACK');
  return { call, invite, ack, ...watched };
}

/** A request of the peer, inside a call if one is given. */
function requestOf(
  method: string,
  {
    call,
    seq = 1,
    headers = [],
    sdp,
    branch,
    fromTag = 'peer',
  }: { call?: Call; seq?: number; headers?: readonly Header[]; sdp?: string; branch?: string; fromTag?: string } = {},
): SipRequest {
  const dialog = call?.dialog();
  return {
    kind: 'request',
    method,
    uri: dialog?.contact ?? `sip:100@${ours}`,
    headers: [
      ['Via', `SIP/2.0/UDP ${theirs}:5060;branch=z9hG4bK${branch ?? `${method}${seq}${fromTag}`}`],
      ['Max-Forwards', '70'],
      ['From', `<sip:peer@${theirs}>;tag=${dialog?.remoteTag ?? fromTag}`],
      ['To', `<sip:100@${ours}>${dialog ? `;tag=${dialog.localTag}` : ''}`],
      ['Call-ID', dialog?.callId ?? 'theirs'],
      ['CSeq', `${seq} ${method}`],
      ['Contact', `<sip:peer@${theirs}:5060>`],
      ...headers,
      ...(sdp === undefined ? [] : ([['Content-Type', 'application/sdp']] as const)),
    ],
    body: sdp === undefined ? new Uint8Array(0) : Buffer.from(sdp),
  };
}
/** An agent that lets every call ring, and the incoming call. */
function setupCallee(options: Partial<UserAgentOptions> = {}, watched = watch()) {
  const calls: IncomingCall[] = [];
  const it = setup({
    ...options,
    on: {
      incoming(call) {
        calls.push(call);
        call.listen(watched.events);
      },
    },
  });
  return { ...it, ...watched, calls, first: () => calls[0] as IncomingCall };
}
const ringing = async (it: ReturnType<typeof setupCallee>, request = requestOf('INVITE', { sdp: offer })) => {
  it.peer.send(request, ours);
  await it.clock.advance(0);
  return request;
};
const ackOf = (response: SipResponse, sdp?: string): SipRequest => {
  const request = requestOf('ACK', { seq: cseq(response)?.number ?? 0, branch: 'ack', ...(sdp === undefined ? {} : { sdp }) });
  return { ...request, headers: request.headers.map(([name, value]) => [name, name === 'To' ? (header(response, 'To') ?? '') : value]) };
};
const inCall = async (it: ReturnType<typeof setupCallee>) => {
  await ringing(it);
  await it.first().answer(answer);
  it.peer.send(ackOf(await it.peer.nextResponse('200 INVITE')), ours);
  await it.clock.advance(0);
};

test('an outgoing call rings, is answered, acknowledged and hung up', async () => {
  const it = setup();
  const { seen, ends, events } = watch();
  const call = it.agent.invite(invitation, events);
  const invite = await it.peer.nextRequest('INVITE');
  it.peer.send(it.peer.respond(invite, 100), ours);
  it.peer.send(it.peer.respond(invite, 180), ours);
  it.peer.send(it.peer.respond(invite, 200, { sdp: answer }), ours);
  const ack = await it.peer.nextRequest('ACK');
  expect([cseq(ack), ack.uri, tag(ack, 'To')]).toEqual([{ number: 1, method: 'ACK' }, 'sip:peer@192.0.2.2:5060', 'peer']);
  call.hangUp({ q850: 16 });
  const bye = await it.peer.nextRequest('BYE');
  expect([cseq(bye)?.number, header(bye, 'Reason')]).toEqual([2, 'Q.850;cause=16']);
  expect(seen).toEqual(['180', 'answered with SDP', 'ended']);
  expect(ends[0]).toEqual({ by: 'us', status: null, reason: 'hung up', q850: null, wasAnswered: true });
  expect(it.agent.calls()).toHaveLength(0);
});

test('the peer hangs up, and its cause is known', async () => {
  const it = setup();
  const { call, ends } = await talk(it);
  it.peer.send(requestOf('BYE', { call, headers: [['Reason', 'SIP;cause=200, Q.850;cause=31;text="x"']] }), ours);
  await it.peer.nextResponse('200 BYE');
  expect(ends).toMatchObject([{ by: 'peer', q850: 31, wasAnswered: true }]);
});

test.each([
  [486, 'Busy Here'],
  [480, 'Temporarily Unavailable'],
  [603, 'Decline'],
])('a call that is refused with %d ends once, and the refusal is acknowledged', async (status, reason) => {
  const it = setup();
  const { seen, ends, events } = watch();
  it.agent.invite(invitation, events);
  it.peer.send(it.peer.respond(await it.peer.nextRequest('INVITE'), status), ours);
  await it.peer.nextRequest('ACK');
  expect([seen, ends]).toEqual([['ended'], [{ by: 'peer', status, reason, q850: null, wasAnswered: false }]]);
});

test('a call whose callee never responds ends with 408 after 32 s, one to an unknown name with 503', async () => {
  const it = setup({ names: { addresses: async () => [], services: async () => [] } });
  const { ends, events } = watch();
  it.agent.invite(invitation, events);
  it.agent.invite({ ...invitation, to: 'sip:100@nowhere.invalid' }, events);
  await it.clock.advance(32_000);
  expect(ends).toMatchObject([
    { by: 'network', status: 503 },
    { by: 'network', status: 408 },
  ]);
});

test('a phone that nobody answers is cancelled in time, and no CANCEL overtakes its INVITE', async () => {
  const it = setup();
  const { ends, events } = watch();
  it.agent.invite({ ...invitation, ringMs: 300 }, events);
  const invite = await it.peer.nextRequest('INVITE');
  await it.clock.advance(400);
  expect(it.peer.all('CANCEL')).toHaveLength(0);
  it.peer.send(it.peer.respond(invite, 180), ours);
  const cancel = await it.peer.nextRequest('CANCEL');
  expect([cancel.uri, header(cancel, 'Via'), cseq(cancel)?.number]).toEqual([invite.uri, header(invite, 'Via'), 1]);
  it.peer.send(it.peer.respond(cancel, 200), ours);
  it.peer.send(it.peer.respond(invite, 487), ours);
  await it.peer.nextRequest('ACK');
  expect(ends).toMatchObject([{ by: 'us', status: 408, reason: 'no answer', wasAnswered: false }]);
});

test('an answer that crosses the CANCEL is acknowledged and hung up at once, along its route', async () => {
  const it = setup();
  const { seen, ends, events } = watch();
  const call = it.agent.invite(invitation, events);
  const invite = await it.peer.nextRequest('INVITE');
  it.peer.send(it.peer.respond(invite, 180), ours);
  await it.clock.advance(0);
  call.hangUp();
  await it.peer.nextRequest('CANCEL');
  it.peer.send(it.peer.respond(invite, 200, { sdp: answer, headers: [['Record-Route', `<sip:${theirs};lr>`]] }), ours);
  const ack = await it.peer.nextRequest('ACK');
  const bye = await it.peer.nextRequest('BYE');
  expect([header(ack, 'Route'), header(bye, 'Route')]).toEqual([`<sip:${theirs};lr>`, `<sip:${theirs};lr>`]);
  expect(seen).toEqual(['180', 'ended']);
  expect(ends).toMatchObject([{ by: 'us', status: 487, wasAnswered: false }]);
});

test('a cancelled call ends although the callee never ends its INVITE', async () => {
  const it = setup();
  const { ends, events } = watch();
  const call = it.agent.invite(invitation, events);
  it.peer.send(it.peer.respond(await it.peer.nextRequest('INVITE'), 180), ours);
  await it.clock.advance(0);
  call.hangUp();
  await it.clock.advance(33_000);
  expect(ends).toMatchObject([{ by: 'us', status: 487 }]);
});

test('a CANCEL that follows the INVITE at once ends the call before anything answers it', async () => {
  const it = setupCallee();
  const invite = requestOf('INVITE', { sdp: offer });
  it.peer.send(invite, ours);
  it.peer.send({ ...requestOf('CANCEL'), headers: requestOf('CANCEL').headers.with(0, invite.headers[0] as Header) }, ours);
  await it.peer.nextResponse('200 CANCEL');
  expect(tag(await it.peer.nextResponse('487 INVITE'), 'To')).not.toBeNull();
  expect(await it.first().answer(answer)).toBe(false);
  expect(it.ends).toEqual([{ by: 'peer', status: 487, reason: 'cancelled', q850: null, wasAnswered: false }]);
  expect(it.peer.all('200 INVITE')).toHaveLength(0);
});

test('a CANCEL that comes while the answer is being stored wins', async () => {
  let store = (): void => {};
  const it = setupCallee({
    save: (dialog) => (dialog.isConfirmed ? new Promise<void>((resolve) => (store = resolve)) : Promise.resolve()),
  });
  const invite = await ringing(it);
  const answering = it.first().answer(answer);
  it.peer.send({ ...requestOf('CANCEL'), headers: requestOf('CANCEL').headers.with(0, invite.headers[0] as Header) }, ours);
  await it.peer.nextResponse('487 INVITE');
  store();
  expect(await answering).toBe(false);
});

test('a 200 that comes ten times gets ten ACKs', async () => {
  const it = setup();
  const { invite, seen } = await talk(it);
  for (let times = 0; times < 9; times += 1) it.peer.send(it.peer.respond(invite, 200, { sdp: answer }), ours);
  await it.clock.advance(0);
  expect(it.peer.all('ACK')).toHaveLength(10);
  expect(seen).toEqual(['answered with SDP']);
});

test('an answer without ACK is repeated, then hung up after 32 s, and was never acknowledged', async () => {
  const it = setupCallee();
  await ringing(it);
  await it.first().answer(answer);
  await it.clock.advance(33_000);
  const sentAt = it.network.sent.filter(({ message }) => message.kind === 'response' && message.status === 200);
  expect(sentAt).toHaveLength(11);
  await it.peer.nextRequest('BYE');
  expect(it.seen).toEqual(['ended']);
  expect(it.ends).toMatchObject([{ by: 'network', reason: 'the answer was never acknowledged' }]);
});

test('ACK and BYE go through the proxies of Record-Route to the Contact, not to where the INVITE went', async () => {
  const it = setup();
  const proxy = it.network.peer('192.0.2.9');
  const { events } = watch();
  const call = it.agent.invite(invitation, events);
  const invite = await it.peer.nextRequest('INVITE');
  const routes: Header[] = [
    ['Record-Route', '<sip:192.0.2.8;lr>, <sip:192.0.2.7;lr>'],
    ['Record-Route', '<sip:192.0.2.9;lr>'],
  ];
  it.peer.send(it.peer.respond(invite, 200, { sdp: answer, headers: routes }), ours);
  const ack = await proxy.nextRequest('ACK');
  expect([ack.uri, values(ack, 'Route')]).toEqual([
    'sip:peer@192.0.2.2:5060',
    ['<sip:192.0.2.9;lr>', '<sip:192.0.2.7;lr>', '<sip:192.0.2.8;lr>'],
  ]);
  call.hangUp();
  expect((await proxy.nextRequest('BYE')).uri).toBe('sip:peer@192.0.2.2:5060');
});

test('a proxy that routes strictly is the Request-URI, and the target comes last', async () => {
  const it = setup();
  const { ack } = await talk(it, watch(), { headers: [['Record-Route', `<sip:${theirs}>`]] });
  expect([ack.uri, values(ack, 'Route')]).toEqual([`sip:${theirs}`, ['<sip:peer@192.0.2.2:5060>']]);
});

test('early media of 183, then 180, then the answer: each is reported once', async () => {
  const it = setup();
  const { seen, events } = watch();
  it.agent.invite(invitation, events);
  const invite = await it.peer.nextRequest('INVITE');
  it.peer.send(it.peer.respond(invite, 183, { sdp: answer }), ours);
  it.peer.send(it.peer.respond(invite, 180), ours);
  it.peer.send(it.peer.respond(invite, 180, { sdp: answer }), ours);
  it.peer.send(it.peer.respond(invite, 200, { sdp: answer }), ours);
  await it.peer.nextRequest('ACK');
  expect(seen).toEqual(['183 with SDP', '180', '180 with SDP', 'answered with SDP']);
});

test('a timer that the callee starts is kept: its refresh is answered, and a call without one is hung up', async () => {
  const it = setup();
  const { call, ends } = await talk(it, watch(), {
    headers: [
      ['Session-Expires', '1800;refresher=uas'],
      ['Require', 'timer'],
    ],
  });
  await it.clock.advance(900_000);
  it.peer.send(
    requestOf('INVITE', {
      call,
      seq: 5,
      sdp: answer,
      headers: [
        ['Session-Expires', '1800;refresher=uac'],
        ['Supported', 'timer'],
      ],
    }),
    ours,
  );
  const refreshed = await it.peer.nextResponse('200 INVITE');
  expect([header(refreshed, 'Session-Expires'), header(refreshed, 'Require')]).toEqual(['1800;refresher=uac', 'timer']);
  it.peer.send({ ...ackOf(refreshed), headers: requestOf('ACK', { call, seq: 5 }).headers }, ours);
  await it.clock.advance(1_700_000);
  expect(ends).toHaveLength(0);
  await it.clock.advance(100_000);
  await it.peer.nextRequest('BYE');
  expect(ends).toMatchObject([{ by: 'network', reason: 'session timer expired' }]);
});

test('as refresher this side refreshes at half of the interval, and hangs up when nothing comes back', async () => {
  const it = setup();
  const { ends } = await talk(it, watch(), {
    headers: [
      ['Session-Expires', '600;refresher=uac'],
      ['Allow', 'INVITE, UPDATE'],
    ],
  });
  await it.clock.advance(300_000);
  const update = await it.peer.nextRequest('UPDATE');
  expect([header(update, 'Session-Expires'), update.body.length]).toEqual(['600;refresher=uac', 0]);
  it.peer.send(it.peer.respond(update, 200, { headers: [['Session-Expires', '600;refresher=uac']] }), ours);
  await it.clock.advance(300_000);
  await it.peer.nextRequest('UPDATE');
  await it.clock.advance(32_000);
  await it.peer.nextRequest('BYE');
  expect(ends).toMatchObject([{ by: 'network', reason: 'no response to the refresh' }]);
});

test('a peer without UPDATE is refreshed by re-INVITE with the same description', async () => {
  const it = setup();
  await talk(it, watch(), {
    headers: [
      ['Session-Expires', '600;refresher=uac'],
      ['Allow', 'INVITE, BYE'],
    ],
  });
  await it.clock.advance(300_000);
  const refresh = await it.peer.nextRequest('INVITE');
  expect([Buffer.from(refresh.body).toString(), tag(refresh, 'To')]).toEqual([offer, 'peer']);
});

test('an interval that the callee finds too short is asked for once more with what it wants', async () => {
  const it = setup({ timer: { expiresS: 100 } });
  const { events } = watch();
  it.agent.invite(invitation, events);
  const first = await it.peer.nextRequest('INVITE');
  expect(header(first, 'Session-Expires')).toBe('100');
  it.peer.send(it.peer.respond(first, 422, { headers: [['Min-SE', '1200']] }), ours);
  const second = await it.peer.nextRequest('INVITE');
  expect([header(second, 'Session-Expires'), header(second, 'Min-SE'), cseq(second)?.number]).toEqual(['1200', '1200', 2]);
});

test('an interval of a caller below 90 s is refused with 422', async () => {
  const it = setupCallee();
  await ringing(
    it,
    requestOf('INVITE', {
      sdp: offer,
      headers: [
        ['Session-Expires', '60'],
        ['Supported', 'timer'],
      ],
    }),
  );
  expect(header(await it.peer.nextResponse('422 INVITE'), 'Min-SE')).toBe('90');
});

test('hold and resume of the peer are answered with what the handler gives', async () => {
  const offered: (string | null)[] = [];
  const held = `${offer}a=recvonly\r\n`;
  const it = setup();
  const { call } = await talk(
    it,
    watch({
      offer(sdp) {
        offered.push(sdp);
        return { sdp: held };
      },
    }),
  );
  const hold = `${answer}a=sendonly\r\n`;
  it.peer.send(requestOf('INVITE', { call, seq: 1, sdp: hold }), ours);
  const response = await it.peer.nextResponse('200 INVITE');
  expect([offered, Buffer.from(response.body).toString()]).toEqual([[hold], held]);
  it.peer.send({ ...ackOf(response), headers: requestOf('ACK', { call }).headers }, ours);
  it.peer.send(requestOf('UPDATE', { call, seq: 2, sdp: answer }), ours);
  await it.peer.nextResponse('200 UPDATE');
  expect(offered).toEqual([hold, answer]);
});

test('an offer that cannot be met is refused with 488, and the call goes on', async () => {
  const it = setup();
  const { call, seen } = await talk(it, watch({ offer: () => ({ refuse: 488, sdp: offer }) }));
  it.peer.send(requestOf('INVITE', { call, sdp: answer }), ours);
  expect(Buffer.from((await it.peer.nextResponse('488 INVITE')).body).toString()).toBe(offer);
  expect(seen).toEqual(['answered with SDP']);
});

test('this side holds by re-INVITE, acknowledges the answer and returns it', async () => {
  const it = setup();
  const { call } = await talk(it);
  const holding = call.reInvite(`${offer}a=sendonly\r\n`);
  const invite = await it.peer.nextRequest('INVITE');
  expect(cseq(invite)?.number).toBe(2);
  it.peer.send(it.peer.respond(invite, 200, { sdp: answer }), ours);
  expect(await holding).toEqual({ status: 200, sdp: answer });
  expect(cseq(await it.peer.nextRequest('ACK'))?.number).toBe(2);
});

test('two re-INVITEs that meet are both refused with 491, and that of this side is sent again', async () => {
  const it = setup();
  const { call } = await talk(it);
  const holding = call.reInvite(offer);
  const invite = await it.peer.nextRequest('INVITE');
  it.peer.send(requestOf('INVITE', { call, sdp: answer }), ours);
  await it.peer.nextResponse('491 INVITE');
  it.peer.send(it.peer.respond(invite, 491), ours);
  // The caller waits 2.1 to 4 s.
  await it.clock.advance(2_000);
  expect(it.peer.all('INVITE')).toHaveLength(2);
  await it.clock.advance(2_100);
  it.peer.send(it.peer.respond(await it.peer.nextRequest('INVITE'), 200, { sdp: answer }), ours);
  expect(await holding).toMatchObject({ status: 200 });
});

test('a call that the peer no longer knows ends', async () => {
  const it = setup();
  const { call, ends } = await talk(it);
  void call.info('application/dtmf', '5');
  it.peer.send(it.peer.respond(await it.peer.nextRequest('INFO'), 481), ours);
  await it.clock.advance(0);
  expect(ends).toMatchObject([{ by: 'network', wasAnswered: true }]);
});

test('digits by INFO are reported in both spellings', async () => {
  const it = setup();
  const { call, seen } = await talk(it);
  const info = (seq: number, type: string, body: string): SipRequest => ({
    ...requestOf('INFO', { call, seq, headers: [['Content-Type', type]] }),
    body: Buffer.from(body),
  });
  it.peer.send(info(1, 'application/dtmf-relay', 'Signal=5\r\nDuration=250\r\n'), ours);
  it.peer.send(info(2, 'application/dtmf', '#'), ours);
  it.peer.send(info(3, 'application/dtmf-relay', 'Signal= 10\r\n'), ours);
  it.peer.send(info(4, 'text/plain', '5'), ours);
  await it.peer.nextResponse('415 INFO');
  expect(seen).toEqual(['answered with SDP', 'dtmf 5 250', 'dtmf # 160', 'dtmf * 160']);
});

test('the second phone of a fork that answers is acknowledged and hung up; the first one is the call', async () => {
  const it = setup();
  const { call, invite, seen } = await talk(it);
  const late = it.peer.respond(invite, 200, { tag: 'late', sdp: answer });
  it.peer.send(late, ours);
  const bye = await it.peer.nextRequest('BYE');
  expect(tag(bye, 'To')).toBe('late');
  it.peer.send(late, ours);
  await it.clock.advance(0);
  expect(it.peer.all('ACK').map((ack) => tag(ack, 'To'))).toEqual(['peer', 'late', 'late']);
  expect([call.state(), seen]).toEqual(['answered', ['answered with SDP']]);
});

test('reliable ringing is acknowledged in order, once each, also by both phones of a fork', async () => {
  const it = setup();
  const { seen, events } = watch();
  it.agent.invite(invitation, events);
  const invite = await it.peer.nextRequest('INVITE');
  const ring = (rseq: number, peerTag = 'peer') =>
    it.peer.send(
      it.peer.respond(invite, 180, {
        tag: peerTag,
        headers: [
          ['Require', '100rel'],
          ['RSeq', String(rseq)],
        ],
      }),
      ours,
    );
  ring(7);
  const prack = await it.peer.nextRequest('PRACK');
  expect([header(prack, 'RAck'), cseq(prack)?.number, tag(prack, 'To')]).toEqual(['7 1 INVITE', 2, 'peer']);
  it.peer.send(it.peer.respond(prack, 200), ours);
  ring(7);
  ring(9);
  ring(8);
  ring(3, 'other');
  await it.clock.advance(0);
  expect(it.peer.all('PRACK').map((each) => [header(each, 'RAck'), tag(each, 'To')])).toEqual([
    ['7 1 INVITE', 'peer'],
    ['8 1 INVITE', 'peer'],
    ['3 1 INVITE', 'other'],
  ]);
  expect(seen).toEqual(['180', '180', '180']);
});

test('a caller that demands reliable ringing gets it again until its PRACK, and the next one after that', async () => {
  const it = setupCallee();
  await ringing(it, requestOf('INVITE', { sdp: offer, headers: [['Require', '100rel']] }));
  it.first().ring();
  it.first().ring({ status: 183, sdp: answer });
  await it.clock.advance(1_600);
  expect(it.peer.all('180 INVITE')).toHaveLength(3);
  expect(it.peer.all('183 INVITE')).toHaveLength(0);
  const rseq = numberOf(await it.peer.nextResponse('180 INVITE'), 'RSeq');
  it.peer.send(requestOf('PRACK', { call: it.first(), seq: 2, headers: [['RAck', `${(rseq ?? 0) + 5} 1 INVITE`]], branch: 'wrong' }), ours);
  await it.peer.nextResponse('481 PRACK');
  it.peer.send(requestOf('PRACK', { call: it.first(), seq: 3, headers: [['RAck', `${rseq} 1 INVITE`]] }), ours);
  await it.peer.nextResponse('200 PRACK');
  expect(numberOf(await it.peer.nextResponse('183 INVITE'), 'RSeq')).toBe((rseq ?? 0) + 1);
});

test('an incoming call rings, is answered and acknowledged, and hung up by this side', async () => {
  const it = setupCallee();
  await ringing(it);
  it.first().ring();
  const rang = await it.peer.nextResponse('180 INVITE');
  await it.first().answer(answer);
  const answered = await it.peer.nextResponse('200 INVITE');
  expect([tag(answered, 'To'), header(answered, 'Contact')]).toEqual([tag(rang, 'To'), '<sip:100@192.0.2.1:5060>']);
  it.peer.send(ackOf(answered), ours);
  await it.clock.advance(60_000);
  expect([it.seen, it.peer.all('200 INVITE').length]).toEqual([['acknowledged'], 1]);
  it.first().hangUp();
  expect(tag(await it.peer.nextRequest('BYE'), 'To')).toBe('peer');
});

test('a caller without an offer gets one, and its answer comes with the ACK', async () => {
  const it = setupCallee();
  await ringing(it, requestOf('INVITE'));
  expect(it.first().offer).toBeNull();
  await it.first().answer(offer);
  it.peer.send(ackOf(await it.peer.nextResponse('200 INVITE'), answer), ours);
  await it.clock.advance(0);
  expect(it.seen).toEqual(['acknowledged with SDP']);
});

test('a callee that is asked for an offer has it answered in the ACK', async () => {
  const it = setup();
  const { ack, seen } = await talk(it, watch({ offer: () => ({ sdp: offer }) }), { options: { sdp: null } });
  expect([Buffer.from(ack.body).toString(), seen]).toEqual([offer, ['answered']]);
});

test('the row of a dialog is written before the INVITE, the 200 and the BYE leave', async () => {
  const stored: string[] = [];
  const it = setupCallee({ save: async ({ role, isConfirmed }) => void stored.push(`${role} ${isConfirmed} ${it.network.sent.length}`) });
  await talk({ ...it, saved: [] });
  expect(stored.slice(0, 2)).toEqual(['caller false 0', 'caller true 2']);
  const before = it.network.sent.length;
  await ringing(it);
  await it.first().answer(answer);
  expect(stored.slice(2)).toEqual([`callee false ${before + 1}`, `callee true ${before + 1}`]);
});

test('a dialog that cannot be stored sends nothing', async () => {
  const it = setup({ save: () => Promise.reject(new Error('no database')) });
  const { ends, events } = watch();
  it.agent.invite(invitation, events);
  await it.clock.advance(1_000);
  expect([it.network.sent, ends]).toMatchObject([[], [{ by: 'us', status: 500, reason: 'no database' }]]);
});

test('a wrong password is tried once, the right one is not asked for again, and a stale nonce is renewed once', async () => {
  const it = setup();
  const challenge = (nonce: string, rest = ''): Header => ['Proxy-Authenticate', `Digest realm="r", nonce="${nonce}", qop="auth"${rest}`];
  const credentials = { username: 'u', password: 'p' };
  const wrong = watch();
  it.agent.invite({ ...invitation, credentials }, wrong.events);
  const first = await it.peer.nextRequest('INVITE');
  it.peer.send(it.peer.respond(first, 407, { headers: [challenge('1')] }), ours);
  const second = await it.peer.nextRequest('INVITE');
  expect([cseq(second)?.number, callId(second), topVia(second)?.params.get('branch') === topVia(first)?.params.get('branch')]).toEqual([
    2,
    callId(first),
    false,
  ]);
  it.peer.send(it.peer.respond(second, 407, { headers: [challenge('2', ', stale=true')] }), ours);
  const third = await it.peer.nextRequest('INVITE');
  expect(header(third, 'Proxy-Authorization')).toContain('nonce="2"');
  it.peer.send(it.peer.respond(third, 407, { headers: [challenge('3', ', stale=true')] }), ours);
  await it.clock.advance(1_000);
  expect([it.peer.all('INVITE').length, wrong.ends[0]?.status]).toEqual([3, 407]);
  const none = watch();
  it.agent.invite(invitation, none.events);
  it.peer.send(
    it.peer.respond(await it.peer.nextRequest('INVITE'), 401, { headers: [['WWW-Authenticate', 'Digest realm="r", nonce="1"']] }),
    ours,
  );
  await it.clock.advance(1_000);
  expect(none.ends[0]?.status).toBe(401);
});

test('requests inside a call use the challenge again, with the next count', async () => {
  const it = setup();
  const { events } = watch();
  const call = it.agent.invite({ ...invitation, credentials: { username: 'u', password: 'p' } }, events);
  it.peer.send(
    it.peer.respond(await it.peer.nextRequest('INVITE'), 401, {
      headers: [['WWW-Authenticate', 'Digest realm="r", nonce="1", qop="auth"']],
    }),
    ours,
  );
  it.peer.send(it.peer.respond(await it.peer.nextRequest('INVITE'), 200, { sdp: answer }), ours);
  await it.peer.next('ACK');
  await it.peer.next('ACK');
  call.hangUp();
  expect(header(await it.peer.nextRequest('BYE'), 'Authorization')).toContain('nc=00000003');
});

test('registers, refreshes before the granted time is over, and removes its own contact alone', async () => {
  const it = setup();
  const states: string[] = [];
  const registration = it.agent.register({ registrar: `sip:${theirs}`, address: `sip:100@${theirs}` }, ({ state, grantedS }) =>
    states.push(`${state} ${grantedS}`),
  );
  const first = await it.peer.nextRequest('REGISTER');
  const [contact] = values(first, 'Contact');
  const granted: readonly Header[] = [
    ['Contact', '<sip:100@192.0.2.77>;expires=3000, <sip:100@192.0.2.1:5060>;expires=100'],
    ['Service-Route', '<sip:edge.example.com;lr>'],
  ];
  expect(contact).toBe('<sip:100@192.0.2.1:5060>;expires=300');
  const { headers, ...ok } = it.peer.respond(first, 200, { headers: granted });
  const withoutOwn = (response: SipResponse) => ({
    ...response,
    headers: response.headers.filter(([name, value]) => name !== 'Contact' || value.includes('.77')),
  });
  it.peer.send(withoutOwn({ ...ok, headers }), ours);
  await it.clock.advance(59_000);
  expect(it.peer.all('REGISTER')).toHaveLength(1);
  await it.clock.advance(1_100);
  const second = await it.peer.nextRequest('REGISTER');
  expect([callId(second), cseq(second)?.number]).toEqual([callId(first), 2]);
  it.peer.send(withoutOwn(it.peer.respond(second, 200, { headers: granted })), ours);
  await it.clock.advance(0);
  expect(registration.state()).toMatchObject({
    contacts: ['sip:100@192.0.2.77', 'sip:100@192.0.2.1:5060'],
    serviceRoutes: ['<sip:edge.example.com;lr>'],
  });
  const ending = registration.end();
  const last = await it.peer.nextRequest('REGISTER');
  expect(values(last, 'Contact')).toEqual(['<sip:100@192.0.2.1:5060>;expires=0']);
  it.peer.send(it.peer.respond(last, 200), ours);
  await ending;
  expect(states).toEqual(['registered 100', 'registered 100', 'ended null']);
});

test('a registration that is too brief is asked for again, and one that fails later, each time later', async () => {
  const it = setup();
  const states: string[] = [];
  const registration = it.agent.register({ registrar: `sip:${theirs}`, address: `sip:100@${theirs}`, expiresS: 60 }, ({ state, status }) =>
    states.push(`${state} ${status}`),
  );
  it.peer.send(it.peer.respond(await it.peer.nextRequest('REGISTER'), 423, { headers: [['Min-Expires', '1800']] }), ours);
  const second = await it.peer.nextRequest('REGISTER');
  expect(header(second, 'Expires')).toBe('1800');
  it.peer.send(it.peer.respond(second, 403), ours);
  await it.clock.advance(23_000);
  expect([states, it.peer.all('REGISTER').length]).toEqual([['refused 403'], 2]);
  // 24 to 36 s after the refusal.
  for (let ms = 0; ms < 13_400 && it.peer.all('REGISTER').length === 2; ms += 400) await it.clock.advance(400);
  it.peer.send(it.peer.respond(await it.peer.nextRequest('REGISTER'), 503), ours);
  await it.clock.advance(47_000);
  expect(it.peer.all('REGISTER')).toHaveLength(3);
  await it.clock.advance(26_000);
  expect(it.peer.all('REGISTER').length).toBeGreaterThan(3);
  await registration.end();
});

test('a blind transfer is asked for by REFER, and what it came to is reported', async () => {
  const it = setup();
  const { call } = await talk(it);
  const referring = call.refer('sip:200@192.0.2.3');
  const refer = await it.peer.nextRequest('REFER');
  expect(header(refer, 'Refer-To')).toBe('<sip:200@192.0.2.3>');
  it.peer.send(it.peer.respond(refer, 202), ours);
  const notify = (seq: number, fragment: string, state: string): SipRequest => ({
    ...requestOf('NOTIFY', {
      call,
      seq,
      headers: [
        ['Event', 'refer'],
        ['Subscription-State', state],
        ['Content-Type', 'message/sipfrag'],
      ],
    }),
    body: Buffer.from(fragment),
  });
  it.peer.send(notify(1, 'SIP/2.0 100 Trying', 'active'), ours);
  it.peer.send(notify(2, 'SIP/2.0 486 Busy Here', 'terminated;reason=noresource'), ours);
  expect(await referring).toEqual({ status: 202, outcome: 486 });
});

test('a transfer that the peer refuses, or never reports of, has no outcome', async () => {
  const it = setup();
  const { call } = await talk(it);
  const refused = call.refer('sip:200@192.0.2.3');
  it.peer.send(it.peer.respond(await it.peer.nextRequest('REFER'), 405), ours);
  expect(await refused).toEqual({ status: 405, outcome: null });
  const silent = call.refer('sip:200@192.0.2.3');
  it.peer.send(it.peer.respond(await it.peer.nextRequest('REFER'), 202), ours);
  await it.clock.advance(60_000);
  expect(await silent).toEqual({ status: 202, outcome: null });
});

test('a REFER of the peer is accepted and its progress sent until the final status', async () => {
  const it = setup();
  const referrals: string[] = [];
  const { call } = await talk(
    it,
    watch({
      referred(referral) {
        referrals.push(referral.to);
        const { notify } = referral.accept();
        notify(180);
        notify(200);
        notify(200);
      },
    }),
  );
  it.peer.send(requestOf('REFER', { call, headers: [['Refer-To', '<sip:300@192.0.2.3>']] }), ours);
  await it.peer.nextResponse('202 REFER');
  await it.clock.advance(0);
  const sent = it.peer.all('NOTIFY').map((each) => [header(each, 'Subscription-State')?.split(';')[0], Buffer.from(each.body).toString()]);
  expect([referrals, sent]).toEqual([
    ['sip:300@192.0.2.3'],
    [
      ['active', 'SIP/2.0 100 Trying\r\n'],
      ['active', 'SIP/2.0 180 Ringing\r\n'],
      ['terminated', 'SIP/2.0 200 OK\r\n'],
    ],
  ]);
});

test('an attended transfer joins two calls between three agents, and each leaves no call behind', async () => {
  const it = setup();
  const answering = (address: string, more: Partial<CallEvents> = {}) => {
    const calls: IncomingCall[] = [];
    const agent = createUserAgent({
      transports: it.network.join(address),
      clock: it.clock,
      on: {
        incoming(call) {
          calls.push(call);
          call.listen({ offer: () => ({ sdp: answer }), ...more });
          void call.answer(answer);
        },
      },
    });
    return { agent, calls };
  };
  const person = answering('192.0.2.20');
  const caller: ReturnType<typeof answering> = answering('192.0.2.10', {
    referred(referral) {
      const { notify } = referral.accept();
      const { to: target, replaces } = referral;
      caller.agent.invite(
        { to: target, from: 'sip:caller@192.0.2.10', sdp: offer, ...(replaces ? { replaces } : {}) },
        { answered: () => notify(200), ended: ({ status }) => status !== null && notify(status) },
      );
    },
  });
  const first = watch();
  const second = watch();
  const withCaller = it.agent.invite({ ...invitation, to: 'sip:caller@192.0.2.10' }, first.events);
  const withPerson = it.agent.invite({ ...invitation, to: 'sip:person@192.0.2.20' }, second.events);
  await it.clock.advance(0);
  const transfer = withCaller.refer('', { replaces: withPerson });
  await it.clock.advance(0);
  await it.clock.advance(0);
  expect(await transfer).toEqual({ status: 202, outcome: 200 });
  expect(second.ends).toMatchObject([{ by: 'peer' }]);
  expect(person.calls.map((call) => call.state())).toEqual(['ended', 'answered']);
  withCaller.hangUp();
  await it.clock.advance(0);
  expect([it.agent.calls().length, caller.agent.calls().length, person.agent.calls().length]).toEqual([0, 1, 1]);
});

test('an INVITE that replaces no call of this side is refused', async () => {
  const it = setupCallee();
  await ringing(
    it,
    requestOf('INVITE', {
      sdp: offer,
      headers: [
        ['Replaces', 'unknown;to-tag=1;from-tag=2'],
        ['Require', 'replaces'],
      ],
    }),
  );
  await it.peer.nextResponse('481 INVITE');
});

test('OPTIONS are answered with what this side can do, inside a call and outside', async () => {
  const it = setup();
  const { call } = await talk(it);
  it.peer.send(requestOf('OPTIONS', { seq: 1 }), ours);
  it.peer.send(requestOf('OPTIONS', { call, seq: 2 }), ours);
  for (const response of [await it.peer.nextResponse('200 OPTIONS'), await it.peer.nextResponse('200 OPTIONS')])
    expect([lists(response, 'Allow', 'UPDATE'), lists(response, 'Supported', 'timer')]).toEqual([true, true]);
});

test('a ping returns what the peer can do and how long it took; a silent peer is 408', async () => {
  const it = setup();
  const pinging = it.agent.ping(to);
  const request = await it.peer.nextRequest('OPTIONS');
  await it.clock.advance(40);
  it.peer.send(
    it.peer.respond(request, 200, {
      headers: [
        ['Allow', 'INVITE, BYE'],
        ['Server', 'peer/1'],
      ],
    }),
    ours,
  );
  expect(await pinging).toEqual({
    status: 200,
    reason: 'OK',
    isAnswered: true,
    tookMs: 40,
    allow: ['INVITE', 'BYE'],
    supported: [],
    server: 'peer/1',
  });
  const silent = it.agent.ping('sip:192.0.2.66');
  await it.clock.advance(32_000);
  expect((await silent).status).toBe(408);
});

test.each([
  ['MESSAGE', {}, 405],
  ['SUBSCRIBE', {}, 405],
  ['BYE', {}, 481],
  ['REFER', {}, 403],
  ['INVITE', { headers: [['Require', '100rel, magic']] }, 420],
  ['INVITE', { headers: [['Content-Encoding', 'gzip']], sdp: offer }, 415],
] as const)('%s that this side cannot serve (%j) gets %d', async (method, options, status) => {
  const it = setupCallee();
  it.peer.send(requestOf(method, options), ours);
  const response = await it.peer.nextResponse(`${status} ${method}`);
  if (status === 420) expect(header(response, 'Unsupported')).toBe('magic');
  if (status === 405) expect(lists(response, 'Allow', 'INVITE')).toBe(true);
  expect(it.calls).toHaveLength(0);
});

test('a copy of an INVITE that comes by another way is refused with 482, one that comes again is not', async () => {
  const it = setupCallee();
  await ringing(it);
  await ringing(it);
  await ringing(it, requestOf('INVITE', { sdp: offer, branch: 'another' }));
  await it.peer.nextResponse('482 INVITE');
  expect(it.calls).toHaveLength(1);
});

test('a call without hops left is not made', async () => {
  const it = setup();
  const { ends, events } = watch();
  it.agent.invite({ ...invitation, maxForwards: -1 }, events);
  await it.clock.advance(0);
  expect([ends[0]?.status, it.network.sent]).toEqual([483, []]);
});

test('an INVITE beyond the limit gets 503 with Retry-After, and the calls before it go on', async () => {
  const it = setupCallee({ limits: { calls: 2 } });
  for (let seq = 1; seq <= 4; seq += 1) await ringing(it, requestOf('INVITE', { seq, sdp: offer }));
  expect(it.peer.all('503 INVITE')).toHaveLength(2);
  expect(numberOf(await it.peer.nextResponse('503 INVITE'), 'Retry-After')).toBeGreaterThan(0);
  expect(await it.first().answer(answer)).toBe(true);
});

test('INVITEs above the limit per second get 503, and the next second is free again', async () => {
  const it = setupCallee({ limits: { invitesPerS: 2 } });
  await it.clock.advance(5_000);
  for (let seq = 1; seq <= 3; seq += 1) await ringing(it, requestOf('INVITE', { seq, sdp: offer }));
  expect([it.calls.length, it.peer.all('503 INVITE').length]).toEqual([2, 1]);
  await it.clock.advance(1_000);
  await ringing(it, requestOf('INVITE', { seq: 9, sdp: offer }));
  expect(it.calls).toHaveLength(3);
});

test('while it drains an agent takes no call, keeps those it has, and reports when the last has ended', async () => {
  const it = setupCallee();
  const { call } = await talk({ ...it, saved: [] });
  let isDrained = false;
  const draining = it.agent.drain(new AbortController().signal).then(() => {
    isDrained = true;
  });
  await ringing(it);
  await it.peer.nextResponse('503 INVITE');
  expect([call.state(), isDrained]).toEqual(['answered', false]);
  it.peer.send(requestOf('BYE', { call }), ours);
  await draining;
});

test('an agent that closes with patience sends the BYE whose dialog is still being stored, and waits for its response', async () => {
  const { promise: stored, resolve: store } = Promise.withResolvers<void>();
  let isSlow = false;
  const it = setup({ save: async () => (isSlow ? stored : undefined) });
  const { call } = await talk(it);
  isSlow = true;
  call.hangUp();
  let isClosed = false;
  const closing = it.agent.close(new AbortController().signal).then(() => {
    isClosed = true;
  });
  store();
  const bye = await it.peer.nextRequest('BYE');
  expect(isClosed).toBe(false);
  it.peer.send(it.peer.respond(bye, 200), ours);
  await closing;
});

test('an agent that closes with patience repeats a lost refusal until it is acknowledged', async () => {
  const it = setupCallee();
  await ringing(it);
  it.network.filter((message) => message.kind === 'request' || message.status < 400);
  it.first().hangUp();
  const closing = it.agent.close(new AbortController().signal);
  it.network.filter(() => true);
  await it.clock.advance(500);
  const refusal = await it.peer.nextResponse('480 INVITE');
  it.peer.send(requestOf('ACK', { branch: topVia(refusal)?.params.get('branch')?.slice('z9hG4bK'.length) ?? '' }), ours);
  await closing;
});

test('an agent that closes does not wait longer than its patience for a peer that is gone', async () => {
  const it = setup();
  const { call } = await talk(it);
  it.network.filter(() => false);
  call.hangUp();
  const patience = new AbortController();
  const closing = it.agent.close(patience.signal);
  patience.abort();
  await closing;
});

test('a dead process leaves a phone ringing: its CANCEL has the branch of the INVITE', async () => {
  const it = setup();
  it.agent.invite(invitation, {});
  const invite = await it.peer.nextRequest('INVITE');
  it.peer.send(it.peer.respond(invite, 180), ours);
  await it.clock.advance(0);
  const other = createUserAgent({ transports: it.network.join('192.0.2.5'), clock: it.clock });
  const abandoning = other.abandon(JSON.parse(JSON.stringify(it.saved.at(-1))) as Dialog);
  const cancel = await it.peer.nextRequest('CANCEL');
  expect([topVia(cancel)?.host, topVia(cancel)?.params.get('branch')]).toEqual([ours, topVia(invite)?.params.get('branch')]);
  it.peer.send(it.peer.respond(cancel, 200), '192.0.2.5');
  expect(await abandoning).toBe('ended');
});

test('a dead process leaves a talk: the other sends BYE with a number that was not used; one that had ended meanwhile is unknown', async () => {
  const it = setup();
  const { call } = await talk(it);
  const other = createUserAgent({ transports: it.network.join('192.0.2.5'), clock: it.clock });
  const stored = JSON.parse(JSON.stringify(it.saved.at(-1))) as Dialog;
  const abandoning = other.abandon(stored);
  const bye = await it.peer.nextRequest('BYE');
  expect([tag(bye, 'From'), cseq(bye)?.number]).toEqual([call.dialog().localTag, 1_002]);
  it.peer.send(it.peer.respond(bye, 200), '192.0.2.5');
  expect(await abandoning).toBe('ended');
  const again = other.abandon(stored);
  it.peer.send(it.peer.respond(await it.peer.nextRequest('BYE'), 481), '192.0.2.5');
  expect(await again).toBe('unknown');
});

test('a dead process leaves a callee that answered meanwhile: after CANCEL it gets BYE', async () => {
  const it = setup();
  it.agent.invite(invitation, {});
  it.peer.send(it.peer.respond(await it.peer.nextRequest('INVITE'), 180), ours);
  await it.clock.advance(0);
  const other = createUserAgent({ transports: it.network.join('192.0.2.5'), clock: it.clock });
  const abandoning = other.abandon(it.saved.at(-1) as Dialog);
  it.peer.send(it.peer.respond(await it.peer.nextRequest('CANCEL'), 481), '192.0.2.5');
  it.peer.send(it.peer.respond(await it.peer.nextRequest('BYE'), 200), '192.0.2.5');
  expect(await abandoning).toBe('ended');
});

test('a dead process leaves a caller that hears ringing: its INVITE is refused by the other process', async () => {
  const it = setupCallee();
  const invite = await ringing(it);
  it.first().ring();
  const rang = await it.peer.nextResponse('180 INVITE');
  const other = createUserAgent({ transports: it.network.join('192.0.2.5'), clock: it.clock });
  const abandoning = other.abandon(it.saved.at(-1) as Dialog);
  await it.clock.advance(2_000);
  expect(await abandoning).toBe('ended');
  const refusal = await it.peer.nextResponse('480 INVITE');
  expect([header(refusal, 'Via'), tag(refusal, 'To')]).toEqual([header(invite, 'Via'), tag(rang, 'To')]);
});

test('requests with an old number and of no call are refused, and none is answered twice', async () => {
  const it = setupCallee();
  await inCall(it);
  it.peer.send(requestOf('INFO', { call: it.first(), seq: 0 }), ours);
  await it.peer.nextResponse('500 INFO');
  const stranger = requestOf('BYE', { call: it.first(), seq: 9 });
  it.peer.send({ ...stranger, headers: stranger.headers.map(([name, value]) => [name, name === 'Call-ID' ? 'other' : value]) }, ours);
  await it.peer.nextResponse('481 BYE');
  expect(it.first().state()).toBe('answered');
});
