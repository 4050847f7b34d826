import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { temporaryDir } from '../../scripts/infra/temporary.ts';
import { until } from '../../test/kit/until.ts';
import { encode } from './g711.ts';
import { createWavWriter, readWav, readWavFile, repairWav, WavError, wavHeader } from './wav.ts';

const stereo = { rateHz: 8_000, channels: 2 } as const;
const never = (error: Error) => expect(error).toBeUndefined();
const samples = (count: number) => Int16Array.from({ length: count }, (_, nth) => nth - 500);
const limit = { maxBytes: 1_000_000 };

test('what was written is read, in its channels', async () => {
  const file = join(await temporaryDir(), 'call.wav');
  const writer = createWavWriter(file, { ...stereo, failed: never });
  writer.write(samples(600));
  writer.write(samples(400));
  expect(await writer.close()).toBe(2_000);
  expect(await readWavFile(file, limit)).toEqual({ ...stereo, samples: Int16Array.from([...samples(600), ...samples(400)]) });
  expect((await readFile(file)).readUInt32LE(40)).toBe(2_000);
  expect((await readFile(file)).readUInt32LE(4)).toBe(2_036);
});

test('a recording whose process died is read to its end, and its header can be repaired', async () => {
  const file = join(await temporaryDir(), 'call.wav');
  const writer = createWavWriter(file, { ...stereo, failed: never });
  writer.write(samples(1_000));
  await until(async () => (await stat(file)).size === 44 + 2_000);
  expect((await readWavFile(file, limit)).samples).toEqual(samples(1_000));
  await truncate(file, 44 + 1_999); // a crash leaves any number of bytes
  expect((await readWavFile(file, limit)).samples).toEqual(samples(998));
  await repairWav(file);
  expect((await readFile(file)).readUInt32LE(40)).toBe(1_996);
  await repairWav(file);
  expect((await readWavFile(file, limit)).samples).toEqual(samples(998));
  await writer.close();
});

test('a full disk ends the file with one failure and throws nothing', async () => {
  const failures: Error[] = [];
  const writer = createWavWriter('/dev/full', { ...stereo, failed: (error) => failures.push(error) });
  for (let nth = 0; nth < 100; nth += 1) writer.write(samples(100));
  await writer.close();
  expect(failures).toMatchObject([{ code: 'ENOSPC' }]);
});

test('audio that the disk does not take in time is bounded', async () => {
  const failures: Error[] = [];
  const file = join(await temporaryDir(), 'call.wav');
  const writer = createWavWriter(file, { ...stereo, failed: (error) => failures.push(error), maxPendingBytes: 5_000 });
  for (let nth = 0; nth < 100; nth += 1) writer.write(samples(1_000));
  await writer.close();
  expect(failures.map(({ message }) => message)).toEqual([`${file}: the disk does not keep up with the audio`]);
});

const file = (format: readonly number[], data: Uint8Array) => {
  const header = wavHeader({ rateHz: 8_000, channels: 1 }, data.length);
  const view = new DataView(header.buffer);
  for (const [nth, value] of format.entries()) view.setUint16(20 + ([0, 2, 14][nth] ?? 0), value, true);
  return new Uint8Array([...header, ...data]);
};
test('μ-law is read as its samples', () => {
  const bytes = encode('PCMU', samples(100));
  expect(readWav(file([7, 1, 8], bytes)).samples).toHaveLength(100);
});
test.each([
  ['expected a file that begins with RIFF and WAVE', new Uint8Array(100)],
  ['expected PCM, A-law or μ-law, not format 3', file([3, 1, 32], new Uint8Array(8))],
  ['expected one or two channels, not 6', file([1, 6, 16], new Uint8Array(8))],
  ['expected 16 bits a sample, not 24', file([1, 1, 24], new Uint8Array(8))],
  ['expected a chunk "data"', wavHeader({ rateHz: 8_000, channels: 1 }, 0).slice(0, 36)],
])('%s', (message, bytes) => {
  expect(() => readWav(bytes)).toThrow(new WavError(message));
});
test('a file beyond the limit is refused before it is read', async () => {
  const path = join(await temporaryDir(), 'long.wav');
  await writeFile(path, new Uint8Array(2_000_000));
  await expect(readWavFile(path, limit)).rejects.toThrow('expected at most 1000000 bytes, not 2000000');
});

test('any bytes are read or refused by name', () => {
  const valid = [...file([1, 1, 16], new Uint8Array(20))];
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
    const bytes = Uint8Array.from(valid);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 80 })), (bytes) => {
      try {
        expect(readWav(bytes).samples.length).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect((error as Error).name).toBe('WavError');
      }
    }),
    { numRuns: 500 },
  );
});
