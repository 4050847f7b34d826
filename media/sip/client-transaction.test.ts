import { expect, test } from '@jest/globals';
import { movedClock } from '../../test/kit/moved-clock.ts';
import { startClientTransaction } from './client-transaction.ts';
import { header, responseTo, type SipMessage, type SipRequest } from './message.ts';

const request = (method: string): SipRequest => ({
  kind: 'request',
  method,
  uri: 'sip:b@h',
  headers: [
    ['Via', 'SIP/2.0/UDP a;branch=z9hG4bK1'],
    ['Route', '<sip:proxy;lr>'],
    ['From', '<sip:a@h>;tag=1'],
    ['To', '<sip:b@h>'],
    ['Call-ID', 'x'],
    ['CSeq', `7 ${method}`],
  ],
  body: new Uint8Array(0),
});

function setup(method: string, { isReliable = false, isBroken = false } = {}) {
  const clock = movedClock();
  const sentAt: number[] = [];
  const sent: SipMessage[] = [];
  const events: string[] = [];
  const channel = {
    isReliable,
    send: async (message: SipMessage) => {
      if (isBroken) throw new Error('no way');
      sentAt.push(clock.now());
      sent.push(message);
    },
  };
  const transaction = startClientTransaction(request(method), channel, clock, {
    response: ({ status }) => events.push(String(status)),
    failed: (why) => events.push(why),
    ended: () => events.push('ended'),
  });
  const receive = (status: number): void => transaction.receive(responseTo(request(method), status, { toTag: '2' }));
  return { clock, sentAt, sent, events, receive };
}

test('sends an INVITE again at 0.5, 1.5, 3.5 … s and gives up after 32 s', async () => {
  const it = setup('INVITE');
  await it.clock.advance(40_000);
  expect(it.sentAt).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
  expect(it.events).toEqual(['timeout', 'ended']);
});

test('sends any other request again every 4 s at most', async () => {
  const it = setup('BYE');
  await it.clock.advance(40_000);
  expect(it.sentAt).toEqual([0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  expect(it.events).toEqual(['timeout', 'ended']);
});

test('sends nothing again over a reliable transport', async () => {
  const it = setup('INVITE', { isReliable: true });
  await it.clock.advance(40_000);
  expect(it.sentAt).toEqual([0]);
});

test('lets a phone ring for hours', async () => {
  const it = setup('INVITE');
  it.receive(180);
  await it.clock.advance(3_600_000);
  expect([it.sentAt.length, it.events]).toEqual([1, ['180']]);
});

test('acknowledges a refusal each time that it comes, along the route of the INVITE, and reports it once', async () => {
  const it = setup('INVITE');
  for (let times = 0; times < 3; times += 1) it.receive(486);
  const acks = it.sent.slice(1) as SipRequest[];
  expect(acks.map(({ method }) => method)).toEqual(['ACK', 'ACK', 'ACK']);
  expect(acks[0] && ['Via', 'Route', 'To', 'CSeq'].map((name) => header(acks[0] as SipRequest, name))).toEqual([
    'SIP/2.0/UDP a;branch=z9hG4bK1',
    '<sip:proxy;lr>',
    '<sip:b@h>;tag=2',
    '7 ACK',
  ]);
  await it.clock.advance(32_000);
  expect(it.events).toEqual(['486', 'ended']);
});

test('reports every 2xx of an INVITE for 32 s, as those of a fork are calls of their own', async () => {
  const it = setup('INVITE');
  it.receive(200);
  await it.clock.advance(31_000);
  it.receive(200);
  await it.clock.advance(1_000);
  it.receive(200);
  expect(it.events).toEqual(['200', '200', 'ended']);
  expect(it.sent).toHaveLength(1);
});

test('reports a request that cannot leave', async () => {
  const it = setup('OPTIONS', { isBroken: true });
  await it.clock.advance(0);
  expect(it.events).toEqual(['unreachable', 'ended']);
});
