import { expect, test } from '@jest/globals';
import { tortureMessages } from '../../test/kit/sip-torture.ts';
import { drawLadder, ladderLabel } from './ladder.ts';
import { parseMessage, responseTo, type SipRequest } from './message.ts';

const invite = parseMessage(Buffer.from(tortureMessages[0]?.text ?? '')).message as SipRequest;

test('a label has the method or status, its number and the media, and nothing that a peer wrote', () => {
  expect(ladderLabel(invite)).toBe('INVITE SDP (314159)');
  const held = { ...invite, body: Buffer.from(`${Buffer.from(invite.body)}a=sendonly\r\n`) };
  expect(ladderLabel(held)).toBe('INVITE SDP sendonly (314159)');
  expect(ladderLabel(responseTo(invite, 486, { reason: '+79995553322 is busy' }))).toBe('486 Busy Here (314159 INVITE)');
  expect(ladderLabel(responseTo(invite, 180, { headers: [['RSeq', '7']] }))).toBe('180 Ringing rel 7 (314159 INVITE)');
});

test('arrows run between this side and the line of each peer', () => {
  const drawn = drawLadder([
    { atMs: 1_000, isSent: true, peer: '192.0.2.2:5060', label: 'INVITE (1)' },
    { atMs: 1_025, isSent: false, peer: '192.0.2.2:5060', label: '200 OK (1 INVITE)' },
    { atMs: 1_100, isSent: true, peer: '192.0.2.9:5060', label: 'ACK (1)' },
  ]);
  expect(drawn).toBe(`           us                      192.0.2.2:5060          192.0.2.9:5060
  0.000 s  │── INVITE (1) ────────>│                       │
  0.025 s  │<─ 200 OK (1 INVITE) ──│                       │
  0.100 s  │── ACK (1) ───────────────────────────────────>│
`);
});

test('steps are drawn by their times, in whatever order they come', () => {
  const [first, second] = [
    { atMs: 1_000, isSent: true, peer: '192.0.2.2:5060', label: 'INVITE (1)' },
    { atMs: 1_025, isSent: false, peer: '192.0.2.2:5060', label: '200 OK (1 INVITE)' },
  ];
  expect(drawLadder([second, first])).toBe(drawLadder([first, second]));
});

test('no steps draw an empty ladder', () => {
  expect(drawLadder([])).toBe('           us\n');
});
