import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { headerLength, isRtcp, parseRtp, sequenceAfter, timestampAfter, writeRtp } from './packet.ts';

const packet = {
  payloadType: 0,
  marker: true,
  sequence: 65_535,
  timestamp: 0xffff_ff00,
  ssrc: 0xdead_beef,
  payload: Uint8Array.of(1, 2, 3),
};

test('a packet that was written is read', () => {
  expect(parseRtp(writeRtp(packet))).toEqual(packet);
});
test('contributing sources, an extension and padding are not audio', () => {
  const plain = writeRtp(packet);
  const bytes = Uint8Array.from([
    ...[0xb2, ...plain.subarray(1, 12)], // padding, extension, two sources
    ...[0, 0, 0, 1, 0, 0, 0, 2],
    ...[0xbe, 0xde, 0, 1, 9, 9, 9, 9],
    ...packet.payload,
    ...[0, 0, 3],
  ]);
  expect(parseRtp(bytes)).toEqual(packet);
});
test.each([
  ['too short', [0x80, 0, 0, 1]],
  ['of another version', [0x40, ...writeRtp(packet).subarray(1)]],
  ['whose sources do not fit', [0x8f, ...writeRtp(packet).subarray(1)]],
  ['whose extension does not fit', [0x90, ...writeRtp(packet).subarray(1, 12), 0xbe, 0xde, 0xff, 0xff]],
  ['whose padding is longer than its payload', [0xa0, ...writeRtp(packet).subarray(1, 12), 1, 2, 200]],
  ['whose padding is empty', [0xa0, ...writeRtp(packet).subarray(1, 12), 1, 2, 0]],
])('bytes %s are no packet', (_, bytes) => {
  expect(parseRtp(Uint8Array.from(bytes))).toBeNull();
});
test('a header whose extension does not fit has no length', () => {
  const header = Uint8Array.from([0x90, ...writeRtp(packet).subarray(1, 12), 0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
  expect([headerLength(header), headerLength(header.subarray(0, -1))]).toEqual([20, null]);
});
test('numbers are compared over their wrap', () => {
  expect([sequenceAfter(2, 65_534), sequenceAfter(65_534, 2), timestampAfter(0x10, 0xffff_fff0), timestampAfter(0, 1)]).toEqual([
    4, -4, 32, -1,
  ]);
});
test('RTCP on the same port is distinguished by its type', () => {
  expect([
    isRtcp(Uint8Array.of(0x80, 200, 0, 1, 0, 0, 0, 0)),
    isRtcp(writeRtp(packet)),
    isRtcp(writeRtp({ ...packet, payloadType: 101 })),
  ]).toEqual([true, false, false]);
});
test('any bytes are a packet within their bounds, or none', () => {
  const nearly = fc.uint8Array({ minLength: 12, maxLength: 64 }).map((bytes) => bytes.fill(0x80 | ((bytes[0] as number) & 0x3f), 0, 1));
  fc.assert(
    fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      const parsed = parseRtp(bytes);
      expect(parsed === null || parsed.payload.length <= bytes.length - 12).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
