import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Answer, answerOffer, createOffer, type LocalAudio, type Negotiated, readAnswer } from './offer-answer.ts';
import { parseSdp } from './sdp.ts';

const local: LocalAudio = {
  sessionId: '1',
  version: 1,
  address: '192.0.2.1',
  port: 4_000,
  codecs: ['PCMU', 'PCMA'],
  ptimeMs: 20,
  direction: 'sendrecv',
};
const offer = (...media: string[]): string =>
  ['v=0', 'o=- 5 5 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0', ...media, ''].join('\r\n');
const accepted = (answer: Answer): { sdp: string; negotiated: Negotiated } => {
  if (answer.refused !== null) throw new Error(answer.refused);
  return answer;
};
const key = 'A'.repeat(40);
const otherKey = 'B'.repeat(40);

test('two sides agree on codec, events and addresses', () => {
  const { sdp, negotiated } = accepted(answerOffer(createOffer({ ...local, address: '192.0.2.9', port: 5_000 }), local));
  expect(negotiated).toEqual({
    codec: 'PCMU',
    payloadType: 0,
    ptimeMs: 20,
    telephoneEventType: 101,
    comfortNoise: false,
    remote: { address: '192.0.2.9', port: 5_000 },
    direction: 'sendrecv',
    isHeld: false,
  });
  expect(readAnswer(sdp, local)).toMatchObject({ codec: 'PCMU', telephoneEventType: 101, remote: { address: '192.0.2.1', port: 4_000 } });
});

test('takes the first codec of the offer that both have, and its numbers', () => {
  const media = ['m=audio 6000 RTP/AVP 96 8 0 97', 'a=rtpmap:96 opus/48000/2', 'a=rtpmap:97 telephone-event/8000'];
  expect(accepted(answerOffer(offer(...media), local)).negotiated).toMatchObject({ codec: 'PCMA', payloadType: 8, telephoneEventType: 97 });
  const renamed = ['m=audio 6000 RTP/AVP 0', 'a=rtpmap:0 L16/8000'];
  expect(answerOffer(offer(...renamed), local).refused).toBe('no_common_codec');
  const dynamic = ['m=audio 6000 RTP/AVP 110', 'a=rtpmap:110 pcmu/8000/1'];
  expect(accepted(answerOffer(offer(...dynamic), local)).sdp).toContain('a=rtpmap:110 PCMU/8000');
});

test('names its own codecs when none is common', () => {
  const answer = answerOffer(offer('m=audio 6000 RTP/AVP 18'), local);
  expect(answer).toMatchObject({ refused: 'no_common_codec' });
  expect(parseSdp(answer.sdp)?.media[0]?.formats).toEqual(['0', '8', '101']);
});

test('answers each line of the offer, refused ones with port 0', () => {
  const media = [
    'm=video 7000 RTP/AVP 31',
    'm=audio 0 RTP/AVP 0',
    'm=audio 6000 RTP/AVP 0',
    'm=audio 6002 RTP/AVP 8',
    'm=image 5 udptl t38',
  ];
  const { sdp, negotiated } = accepted(answerOffer(offer(...media), local));
  expect(parseSdp(sdp)?.media.map(({ kind, port }) => [kind, port])).toEqual([
    ['video', 0],
    ['audio', 0],
    ['audio', 4_000],
    ['audio', 0],
    ['image', 0],
  ]);
  expect(negotiated.remote?.port).toBe(6_000);
  expect(answerOffer(offer('m=video 7000 RTP/AVP 31'), local).refused).toBe('no_audio');
});

test.each([
  ['sendonly', 'recvonly', true],
  ['inactive', 'inactive', true],
  ['recvonly', 'sendonly', false],
  ['sendrecv', 'sendrecv', false],
] as const)('answers a=%s with a=%s', (theirs, ours, isHeld) => {
  const { sdp, negotiated } = accepted(answerOffer(offer('m=audio 6000 RTP/AVP 0', `a=${theirs}`), local));
  expect(negotiated).toMatchObject({ direction: ours, isHeld });
  expect(sdp).toContain(`a=${ours}\r\n`);
});

test('reads an address of zeros as hold, and a direction of the session as that of its lines', () => {
  const zeros = accepted(answerOffer(offer('m=audio 6000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'), local)).negotiated;
  expect(zeros).toMatchObject({ isHeld: true, direction: 'recvonly', remote: null });
  const session = offer('a=inactive', 'm=audio 6000 RTP/AVP 0');
  expect(accepted(answerOffer(session, local)).negotiated.direction).toBe('inactive');
});

test('a side that holds receives nothing although the other may send', () => {
  const { negotiated } = accepted(answerOffer(offer('m=audio 6000 RTP/AVP 0'), { ...local, direction: 'sendonly' }));
  expect(negotiated).toMatchObject({ direction: 'sendonly', isHeld: false });
});

test.each([
  ['a=ptime:30', 30],
  ['a=ptime:5', 10],
  ['a=ptime:120', 60],
  ['a=maxptime:10', 10],
  ['a=ptime:x', 20],
])('sends packets of the length of %s: %d ms', (attribute, ptimeMs) => {
  expect(accepted(answerOffer(offer('m=audio 6000 RTP/AVP 0', attribute), local)).negotiated.ptimeMs).toBe(ptimeMs);
});

test('encrypts where both have a key, and answers under the tag of the offer', () => {
  const media = [
    'm=audio 6000 RTP/SAVP 0',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:x',
    `a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:${otherKey}|2^31`,
  ];
  const { sdp, negotiated } = accepted(answerOffer(offer(...media), { ...local, srtpKey: key }));
  expect(negotiated.srtp).toEqual({ local: key, remote: otherKey });
  expect(sdp).toContain(`a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:${key}`);
  expect(answerOffer(offer(...media), local).refused).toBe('srtp_unsupported');
  expect(accepted(answerOffer(offer('m=audio 6000 RTP/AVP 0'), { ...local, srtpKey: key })).sdp).not.toContain('crypto');
  expect(answerOffer(offer('m=audio 6000 RTP/AVP 0'), { ...local, srtpKey: key, requiresSrtp: true }).refused).toBe('srtp_required');
});

test('speaks IPv6', () => {
  const sdp = createOffer({ ...local, address: '2001:db8::1' });
  expect(sdp).toContain('c=IN IP6 2001:db8::1\r\n');
  expect(accepted(answerOffer(sdp, local)).negotiated.remote?.address).toBe('2001:db8::1');
});

test('agrees on comfort noise only where both want it', () => {
  const noisy = offer('m=audio 6000 RTP/AVP 0 13');
  expect(accepted(answerOffer(noisy, local)).negotiated.comfortNoise).toBe(false);
  expect(accepted(answerOffer(noisy, { ...local, comfortNoise: true })).sdp).toContain('m=audio 4000 RTP/AVP 0 13\r\n');
});

test('survives any text in the place of an offer', () => {
  const good = createOffer({ ...local, srtpKey: key, comfortNoise: true });
  fc.assert(fc.property(fc.string(), (text) => answerOffer(`v=0\r\n${text}`, local).sdp.startsWith('v=0')));
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.string({ maxLength: 8 }), (from, length, text) => {
      const at = from % good.length;
      answerOffer(good.slice(0, at) + text + good.slice(at + (length % 40)), local);
    }),
    { numRuns: 500 },
  );
});
