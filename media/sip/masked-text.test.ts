import { expect, test } from '@jest/globals';
import { type Masking, maskedText } from './masked-text.ts';
import { parseMessage, responseTo, type SipMessage, type SipRequest } from './message.ts';

const masking: Masking = { user: (user) => `(${user.length})`, text: (text) => text.replaceAll('+79990001122', '(phone)') };
const shown = (message: SipMessage): string => maskedText(message, masking);
function parsed(first: string, headers: readonly string[], body = ''): SipRequest {
  const usual = ['Via: SIP/2.0/UDP 192.0.2.15:5060;branch=z9hG4bK776asdhds', 'Call-ID: a84b4c76e66710', `CSeq: 1 ${first.split(' ')[0]}`];
  const { message, malformed } = parseMessage(Buffer.from([first, ...usual, ...headers, '', body].join('\r\n')));
  if (message?.kind !== 'request') throw new Error(`no request: ${malformed?.why}`);
  return message;
}
const people = ['From: "Иван Secret" <sip:secret-1@example.net>;tag=1', 'To: Anna Secret <sip:secret2@example.com:5080;lr>'];

test('addresses keep their hosts and parameters, and lose names, users and what a URI carries', () => {
  const text = shown(
    parsed('REFER sip:+79990001122@example.com SIP/2.0', [
      ...people,
      'Refer-To: <sip:secret3@example.com?Replaces=secret4%40host&X=secret>',
      'Contact: sip:secret5:pass-secret@192.0.2.15:5060;transport=tcp',
      'Record-Route: <sip:192.0.2.1;lr>, Proxy Secret <sip:secret6@192.0.2.2;lr>',
      'P-Asserted-Identity: <tel:+7-999-secret>, "Secret" <sip:+79990001122;phone-context=secret@example.com;user=phone>',
    ]),
  );
  expect(text).not.toMatch(/secret|Secret|Иван|Anna|79990001122/);
  expect(text.split('\n')).toEqual(
    expect.arrayContaining([
      'REFER sip:(12)@example.com SIP/2.0',
      'From: "***" <sip:(8)@example.net>;tag=1',
      'To: *** <sip:(7)@example.com:5080;lr>',
      'Refer-To: <sip:(7)@example.com?***>',
      'Contact: sip:(19)@192.0.2.15:5060;transport=tcp',
      'Record-Route: <sip:192.0.2.1;lr>, *** <sip:(7)@192.0.2.2;lr>',
    ]),
  );
});

test('a digest keeps its realm and algorithm, and no answer, nonce or user', () => {
  const text = shown(
    parsed('REGISTER sip:example.com SIP/2.0', [
      ...people,
      'Authorization: Digest username="secret", realm="example.com", nonce="secret", uri="sip:secret", algorithm=MD5, nc=00000001, response="secret", cnonce="sec\\"ret, x"',
    ]),
  );
  expect(text).toContain(
    'Authorization: Digest username=***, realm="example.com", nonce=***, uri=***, algorithm=MD5, nc=00000001, response=***, cnonce=***',
  );
  expect(text).not.toMatch(/secret/);
});

test('headers that nobody knows, phrases of a peer and keys that were pressed are hidden', () => {
  const info = parsed(
    'INFO sip:example.com SIP/2.0',
    [...people, 'X-Crm: secret', 'User-Agent: phone +79990001122', 'Content-Type: application/dtmf-relay'],
    'Signal=5',
  );
  expect(shown(info).split('\n').slice(-4)).toEqual([
    'User-Agent: phone (phone)',
    'Content-Type: application/dtmf-relay',
    '',
    '(8 bytes of application/dtmf-relay)',
  ]);
  expect(shown(info)).toContain('X-Crm: ***');
  expect(shown(responseTo(info, 486, { reason: 'secret is busy' }))).toMatch(/^SIP\/2\.0 486 Busy Here\n/);
});

test('SDP keeps addresses, codecs and directions, and no keys, names or titles', () => {
  const sdp = [
    ...[
      'v=0',
      'o=secret 2890844526 1 IN IP4 192.0.2.15',
      's=secret',
      'i=secret',
      'c=IN IP4 192.0.2.15',
      't=0 0',
      'm=audio 49170 RTP/SAVP 0 101',
    ],
    ...[
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secretsecret|2^20',
      'a=rtpmap:101 telephone-event/8000',
      'a=sendonly',
      'a=ice-pwd:secret',
      'a=x-who:secret',
      '',
    ],
  ];
  const text = shown(parsed('INVITE sip:example.com SIP/2.0', [...people, 'Content-Type: application/sdp'], sdp.join('\r\n')));
  expect(text).not.toMatch(/secret/);
  expect(text.split('\n').slice(-13)).toEqual([
    ...['v=0', 'o=(6) 2890844526 1 IN IP4 192.0.2.15', 's=***', 'i=***', 'c=IN IP4 192.0.2.15', 't=0 0', 'm=audio 49170 RTP/SAVP 0 101'],
    ...[
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***',
      'a=rtpmap:101 telephone-event/8000',
      'a=sendonly',
      'a=ice-pwd:***',
      'a=x-who:***',
      '',
    ],
  ]);
});
