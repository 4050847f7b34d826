import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { tortureMessages } from '../../test/kit/sip-torture.ts';
import {
  address,
  callId,
  contactUri,
  contentType,
  cseq,
  formatVia,
  header,
  lists,
  numberOf,
  parseMessage,
  responseTo,
  type SipRequest,
  serialise,
  tag,
  topVia,
  values,
  withHeader,
} from './message.ts';

const read = (text: string) => parseMessage(Buffer.from(text));
const verdict = (text: string): 'valid' | 'dropped' | number => {
  const { message, malformed } = read(text);
  return malformed === null ? 'valid' : message === null ? 'dropped' : malformed.status;
};
const request = (text: string): SipRequest => {
  const { message, malformed } = read(text);
  if (message?.kind !== 'request' || malformed) throw new Error(malformed?.why);
  return message;
};
const torture = (name: string): string => tortureMessages.find((each) => each.name.includes(name))?.text ?? '';

test.each(tortureMessages.map((each) => [each.name, each] as const))('reads %s as RFC 4475 says', (_, { text, becomes }) => {
  expect(verdict(text)).toBe(becomes);
});

test('finds values behind odd spacing, folded lines and compact names', () => {
  const message = request(torture('wsinv'));
  expect(tag(message, 'To')).toBe('1918181833n');
  expect(address(message, 'From')).toMatchObject({ display: 'J Rosenberg \\"', uri: 'sip:jdrosen@example.com' });
  expect(cseq(message)).toEqual({ number: 9, method: 'INVITE' });
  expect(values(message, 'Via')).toHaveLength(3);
  expect(topVia(message)).toMatchObject({ protocol: 'UDP', host: '192.0.2.2' });
  expect(header(message, 'Contact')).toBe(
    '"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam = newvalue ; secondparam ; q = 0.33',
  );
});

test('splits a list of addresses at commas outside quotes and brackets only', () => {
  const message = request(
    torture('an INVITE with SDP').replace('Contact: <sip:caller@192.0.2.15>', 'm: "a, b" <sip:a,b@h>;q=1, <sip:c@h>\r\nContact: <sip:d@h>'),
  );
  expect(values(message, 'Contact')).toEqual(['"a, b" <sip:a,b@h>;q=1', '<sip:c@h>', '<sip:d@h>']);
});

test('writes the length of the body that it sends, whatever the headers said', () => {
  const message = request(torture('an INVITE with SDP'));
  const written = serialise({ ...message, headers: [...message.headers, ['Content-Length', '7']], body: Buffer.from('привет') }).toString();
  expect(written.match(/Content-Length/g)).toHaveLength(1);
  expect(written).toContain('Content-Length: 12\r\n\r\nпривет');
});

test('lets no value of a header begin another header', () => {
  const message = request(torture('an INVITE with SDP'));
  const written = serialise({ ...message, headers: [...message.headers, ['Subject', 'x\r\nContact: <sip:evil@h>']] }).toString();
  expect(written).toContain('Subject: x Contact: <sip:evil@h>\r\n');
});

test('copies into a response what RFC 3261 demands, and adds a tag only where To has none', () => {
  const message = request(torture('an INVITE with SDP'));
  const response = responseTo(message, 486, { toTag: 'ours' });
  expect(response.reason).toBe('Busy Here');
  for (const name of ['Via', 'From', 'Call-ID', 'CSeq']) expect(header(response, name)).toBe(header(message, name));
  expect(tag(response, 'To')).toBe('ours');
  expect(tag(responseTo(request(torture('wsinv')), 200, { toTag: 'ours' }), 'To')).toBe('1918181833n');
});

test('reads again what it has written', () => {
  for (const { text, becomes } of tortureMessages) {
    if (becomes !== 'valid') continue;
    const { message } = read(text);
    if (!message) throw new Error('unread');
    const again = parseMessage(serialise(message));
    expect(again.malformed).toBeNull();
    expect(again.message && serialise(again.message).equals(serialise(message))).toBe(true);
  }
});

test('survives any bytes, and any change of a good message', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => parseMessage(bytes) !== null));
  const seeds = tortureMessages.map(({ text }) => Buffer.from(text));
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), (seed, changes) => {
      const bytes = Buffer.from(seed);
      for (const [at, value] of changes) bytes[at % Math.max(1, bytes.length)] = value;
      const { message } = parseMessage(bytes);
      // What can be answered must be answerable.
      if (message?.kind === 'request') serialise(responseTo(message, 400, { toTag: 'x' }));
    }),
    { numRuns: 500 },
  );
});

test('reads single values in the spellings that peers use', () => {
  const message = request(
    torture('an INVITE with SDP').replace(
      'Content-Type: application/sdp',
      'c: Application/SDP ; charset=utf-8\r\nk: Timer, 100REL\r\nx: 1800;refresher=uas\r\nMin-SE: soon\r\nExpires: 99999999999',
    ),
  );
  expect(contentType(message)).toBe('application/sdp');
  expect([lists(message, 'Supported', '100rel'), lists(message, 'Supported', 'path')]).toEqual([true, false]);
  expect(['Session-Expires', 'Min-SE', 'Expires', 'RSeq'].map((name) => numberOf(message, name))).toEqual([1_800, null, null, null]);
  expect(contactUri(message)).toBe('sip:caller@192.0.2.15');
  expect(callId(withHeader(message, 'Call-ID', 'other'))).toBe('other');
  const via = topVia(message);
  expect(via && formatVia(via)).toBe(header(message, 'Via'));
});
