import { expect, test } from '@jest/globals';
import { oggPackets } from './ogg.ts';
import { opusFile, opusSamples } from './opus.ts';
import { levelDb } from './speech.ts';

const tone = (ms: number) => Int16Array.from({ length: 8 * ms }, (_, nth) => 8_000 * Math.sin((nth * 2 * Math.PI * 440) / 8_000));
const heard = (file: Uint8Array) => Int16Array.from([...opusSamples(file)].flatMap((samples) => [...samples]));

test('speech survives Opus in OGG, in its length and its level', () => {
  const file = opusFile(tone(1_500));
  const samples = heard(file);
  expect(Math.abs(samples.length - 12_000)).toBeLessThanOrEqual(160);
  expect(Math.abs(levelDb(samples.subarray(800, 11_200)) - levelDb(tone(1_000)))).toBeLessThan(2);
});

test('a packet that spans pages is one packet, and another stream between the pages is no part of it', () => {
  const page = (serial: number, flags: number, segments: number[], body: number[]): number[] => {
    const head = Buffer.alloc(27);
    head.write('OggS');
    head[5] = flags;
    head.writeUInt32LE(serial, 14);
    head[26] = segments.length;
    return [...head, ...segments, ...body];
  };
  const ones = Array.from({ length: 255 }, () => 1);
  const file = Uint8Array.from([...page(7, 2, [255], ones), ...page(8, 2, [2], [9, 9]), ...page(7, 1, [3, 1], [1, 1, 1, 5])]);
  expect([...oggPackets(file)].map((packet) => packet.length)).toEqual([258, 1]);
});

test('a file that is cut, broken or no Opus ends early or is refused', () => {
  const file = opusFile(tone(1_000));
  expect(heard(file.subarray(0, file.length - 40)).length).toBeGreaterThan(4_000);
  expect(() => heard(Uint8Array.from(file, (byte, at) => (at === 28 ? 0 : byte)))).toThrow('Opus');
  expect(() => heard(Buffer.from('OggS and no more'))).toThrow('Opus');
  expect(() => heard(Buffer.from('ID3'))).toThrow('OggS');
  const noise = Uint8Array.from(file, (byte, at) => (at > 200 && at % 7 === 0 && at % 27 !== 0 ? byte ^ 0x55 : byte));
  expect(() => heard(noise)).not.toThrow(RangeError);
});
