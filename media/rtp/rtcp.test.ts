import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseRtcp, writeRtcp } from './rtcp.ts';

const sender = { ntpSeconds: 0xe000_0001, ntpFraction: 0x8000_0000, timestamp: 160, packets: 50, bytes: 8_000 };
const block = {
  ssrc: 7,
  fractionLost: 12,
  lost: -3,
  highestSequence: 0x1_0005,
  jitter: 40,
  lastReport: 0x0001_8000,
  delaySinceLastReport: 65_536,
};

test('a compound that was written is read: sender, block, name and goodbye', () => {
  expect(parseRtcp(writeRtcp({ ssrc: 5, sender, block, cname: 'leg-1@polyb', goodbye: true }))).toEqual({
    ssrc: 5,
    sender,
    blocks: [block],
    cname: 'leg-1@polyb',
    goodbyes: [5],
  });
  expect(parseRtcp(writeRtcp({ ssrc: 5, sender: null, block: null, cname: 'abc' }))).toEqual({
    ssrc: 5,
    sender: null,
    blocks: [],
    cname: 'abc',
    goodbyes: [],
  });
});
test('a compound is refused whole when a part does not fit', () => {
  const bytes = writeRtcp({ ssrc: 5, sender, block, cname: 'abc' });
  expect(parseRtcp(bytes.subarray(0, -1))).toBeNull();
  expect(parseRtcp(bytes.with(3, 200))).toBeNull();
  expect(parseRtcp(bytes.with(0, 0x41))).toBeNull();
  expect(parseRtcp(new Uint8Array(0))).toBeNull();
});
test('of a compound of many reports 31 blocks are read', () => {
  const report = writeRtcp({ ssrc: 5, sender: null, block, cname: 'abc' });
  expect(parseRtcp(Uint8Array.from(new Array(40).fill([...report]).flat()))?.blocks).toHaveLength(31);
});
test('any bytes are a compound or none', () => {
  const valid = writeRtcp({ ssrc: 5, sender, block, cname: 'abc', goodbye: true });
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 5 }).map((changes) => {
    const bytes = valid.slice();
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      expect(parseRtcp(bytes)?.blocks.length ?? 0).toBeLessThanOrEqual(31);
    }),
    { numRuns: 1_000 },
  );
});
