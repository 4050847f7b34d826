import { expect, test } from '@jest/globals';
import { movedClock } from '../../test/kit/moved-clock.ts';
import { responseTo, type SipMessage, type SipRequest, type SipResponse } from './message.ts';
import { startServerTransaction } from './server-transaction.ts';

const request = (method: string): SipRequest => ({
  kind: 'request',
  method,
  uri: 'sip:b@h',
  headers: [
    ['Via', 'SIP/2.0/UDP a;branch=z9hG4bK1'],
    ['From', '<sip:a@h>;tag=1'],
    ['To', '<sip:b@h>'],
    ['Call-ID', 'x'],
    ['CSeq', `7 ${method}`],
  ],
  body: new Uint8Array(0),
});

function setup(method: string, isReliable = false) {
  const clock = movedClock();
  const sent: [at: number, status: number][] = [];
  const events: string[] = [];
  const channel = {
    isReliable,
    send: async (message: SipMessage) => void sent.push([clock.now(), (message as SipResponse).status]), // a server sends responses only
  };
  const transaction = startServerTransaction(request(method), channel, clock, {
    failed: (why) => events.push(why),
    ended: () => events.push('ended'),
  });
  const respond = (status: number): void => transaction.respond(responseTo(request(method), status));
  return { clock, sent, events, transaction, respond };
}

test('says 100 after 200 ms, and at once when the INVITE comes again', async () => {
  const it = setup('INVITE');
  it.transaction.repeat();
  await it.clock.advance(1_000);
  expect(it.sent).toEqual([
    [0, 100],
    [200, 100],
  ]);
});

test('repeats a refusal until its ACK comes', async () => {
  const it = setup('INVITE');
  it.respond(486);
  await it.clock.advance(4_000);
  it.transaction.acknowledge();
  await it.clock.advance(40_000);
  expect(it.sent.map(([at]) => at)).toEqual([0, 500, 1_500, 3_500]);
  expect(it.events).toEqual(['ended']);
});

test('gives up a refusal without ACK after 32 s, having sent it every 4 s at most', async () => {
  const it = setup('INVITE');
  it.respond(603);
  await it.clock.advance(40_000);
  expect(it.sent.map(([at]) => at)).toEqual([0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  expect(it.events).toEqual(['timeout', 'ended']);
});

test('leaves the repetition of a 2xx to the call, and swallows the INVITE that comes again', async () => {
  const it = setup('INVITE');
  it.respond(200);
  it.transaction.repeat();
  it.respond(486);
  it.respond(200);
  expect(it.sent.map(([, status]) => status)).toEqual([200, 200]);
  await it.clock.advance(32_000);
  expect(it.events).toEqual(['ended']);
});

test('answers a request that comes again with the response that it had', async () => {
  const it = setup('BYE');
  it.transaction.repeat();
  it.respond(200);
  it.transaction.repeat();
  it.respond(481);
  await it.clock.advance(31_999);
  it.transaction.repeat();
  expect(it.sent.map(([, status]) => status)).toEqual([200, 200, 200]);
  await it.clock.advance(1);
  expect(it.events).toEqual(['ended']);
});

test('forgets a request over a reliable transport at once', async () => {
  const it = setup('BYE', true);
  it.respond(200);
  await it.clock.advance(0);
  expect(it.events).toEqual(['ended']);
});
