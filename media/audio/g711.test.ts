import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { decode, encode, type Law, silence, transcode } from './g711.ts';

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const everySample = Int16Array.from({ length: 65_536 }, (_, nth) => nth - 32_768);

const sha1 = (samples: Int16Array | Uint8Array) => createHash('sha1').update(samples).digest('hex');

test('levels are those of another implementation, the audioop module of Python 3.11', () => {
  expect([...decode('PCMU', Uint8Array.of(0x00, 0x80, 0xff, 0x7f, 0x0f, 0x9e))]).toEqual([-32_124, 32_124, 0, 0, -16_764, 8_828]);
  expect([...decode('PCMA', Uint8Array.of(0x2a, 0xaa, 0xd5, 0x55, 0x85, 0x1a))]).toEqual([-32_256, 32_256, 8, -8, 4_224, -4_032]);
  expect(sha1(decode('PCMU', everyByte))).toBe('cd1db2e2bbd0ce6f3c2ad49b20ccf13ec49bf490');
  expect(sha1(decode('PCMA', everyByte))).toBe('10f3da64c22cf5fa152da8c4ec92c92e5792dd83');
  expect(sha1(encode('PCMA', everySample))).toBe('28ef43ef98932121fd217b6b919167b82f744347');
});

test.each<Law>(['PCMU', 'PCMA'])('a byte of %s survives a way through linear samples', (law) => {
  const back = [...encode(law, decode(law, everyByte))];
  expect(back).toEqual([...everyByte].map((byte) => (law === 'PCMU' && byte === 0x7f ? 0xff : byte))); // μ-law has two zeros
});

test.each<Law>(['PCMU', 'PCMA'])('a sample in %s is off by at most 1/32 of its size and 16', (law) => {
  const decoded = decode(law, encode(law, everySample));
  const worst = everySample.reduce((most, sample, nth) => {
    const clipped = Math.max(-32_256, Math.min(32_256, sample));
    return Math.max(most, Math.abs((decoded[nth] as number) - clipped) - Math.abs(clipped) / 32);
  }, 0);
  expect(worst).toBeLessThanOrEqual(16);
});

test('a change of law keeps silence and costs at most one level', () => {
  expect(transcode('PCMU', 'PCMA', Uint8Array.of(silence.PCMU))).toEqual(Uint8Array.of(silence.PCMA));
  expect(transcode('PCMA', 'PCMU', everyByte)).toEqual(encode('PCMU', decode('PCMA', everyByte)));
  const there = decode('PCMU', transcode('PCMA', 'PCMU', transcode('PCMU', 'PCMA', everyByte)));
  const off = decode('PCMU', everyByte).map((sample, nth) => Math.abs(sample - (there[nth] as number)) - Math.abs(sample) / 16);
  expect(Math.max(...off)).toBeLessThanOrEqual(16);
});
