import { expect, test } from '@jest/globals';
import { parseMessage, type SipMessage } from '../../../media/sip/message.ts';
import type { TracedMessage } from '../../../media/sip/user-agent.ts';
import { quiet } from '../../../runtime/noop-log.ts';
import type { SignallingMessage } from '../../telephony/port.ts';
import { mostMessages, sipTrace } from './trace.ts';

function message(callId: string, method = 'INVITE', more: readonly string[] = []): TracedMessage {
  const lines = [
    `${method} sip:+79995553322@192.0.2.1 SIP/2.0`,
    ...['Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK1', `Call-ID: ${callId}`, `CSeq: 1 ${method}`, 'Max-Forwards: 70'],
    ...['From: <sip:anna@192.0.2.1>;tag=1', 'To: <sip:100@192.0.2.2>', ...more, '', ''],
  ];
  const read = parseMessage(Buffer.from(lines.join('\r\n'))).message as SipMessage;
  return { isSent: false, message: read, protocol: 'udp', address: '192.0.2.2', port: 5060 };
}
function setup(store?: (messages: readonly SignallingMessage[]) => Promise<void>) {
  const stored: SignallingMessage[] = [];
  const clock = { ms: 1_000 };
  const keep = async (messages: readonly SignallingMessage[]) => void stored.push(...messages);
  const trace = sipTrace({ store: store ?? keep, now: () => clock.ms, log: quiet });
  const labels = async () => {
    await trace.flush();
    return stored.map(({ legId, label }) => `${legId} ${label}`);
  };
  return { trace, stored, clock, labels };
}

test('an INVITE that came before its leg belongs to it, and what belongs to no call is left out', async () => {
  const { trace, labels } = setup();
  trace.note(message('call'));
  trace.note(message('ping', 'OPTIONS'));
  trace.begin('call', 'leg');
  trace.note(message('call', 'ACK'));
  trace.note(message('another', 'BYE'));
  expect(await labels()).toEqual(['leg INVITE (1)', 'leg ACK (1)']);
});

test('messages are stored masked, cut, and with the time at which they came', async () => {
  const { trace, stored, clock } = setup();
  trace.begin('call', 'leg');
  trace.note(message('call', 'INVITE', [`Via: SIP/2.0/UDP 192.0.2.16;branch=${'x'.repeat(9_000)}`]));
  clock.ms = 2_000;
  await trace.flush();
  expect(stored[0]).toMatchObject({ legId: 'leg', at: 1_000, isSent: false, protocol: 'udp', peer: '192.0.2.2:5060', label: 'INVITE (1)' });
  expect(stored[0]?.text).toHaveLength(4_000);
  expect(stored[0]?.text).toMatch(/^INVITE sip:\+7999\*\*\*3322@192\.0\.2\.1 SIP\/2\.0\n/);
});

test('a peer that repeats itself, and a flood of calls that get no leg, fill no memory', async () => {
  const { trace, stored } = setup();
  trace.begin('call', 'leg');
  for (let n = 0; n < mostMessages + 50; n += 1) trace.note(message('call', 'INFO'));
  trace.note(message('first'));
  for (let n = 0; n < 200; n += 1) trace.note(message(`flood ${n}`));
  for (let n = 0; n < 50; n += 1) trace.note(message('flood 199'));
  trace.begin('first', 'leg 2');
  trace.begin('flood 199', 'leg 3');
  await trace.flush();
  expect(Object.entries(Object.groupBy(stored, ({ legId }) => legId)).map(([legId, kept]) => [legId, kept?.length])).toEqual([
    ['leg', mostMessages],
    ['leg 3', 10],
  ]);
});

test('the last responses of an ended call are kept, and a minute later nothing of it is remembered', async () => {
  const { trace, clock, labels } = setup();
  trace.begin('call', 'leg');
  trace.end('call');
  trace.note(message('call', 'BYE'));
  expect(await labels()).toHaveLength(1);
  clock.ms += 60_000;
  await trace.flush();
  trace.note(message('call', 'BYE'));
  expect(await labels()).toHaveLength(1);
});

test('messages that cannot be stored hold up nothing', async () => {
  let fails = true;
  const stored: string[] = [];
  const { trace } = setup(async (messages) => {
    if (fails) throw new Error('no database');
    stored.push(...messages.map(({ label }) => label));
  });
  trace.begin('call', 'leg');
  trace.note(message('call'));
  await trace.flush();
  fails = false;
  trace.note(message('call', 'BYE'));
  await trace.flush();
  expect(stored).toEqual(['BYE (1)']);
});
