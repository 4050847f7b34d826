import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { itemsOf } from '../../adapters/asr/conformance.ts';
import { fsBlobs } from '../../adapters/blob/fs.ts';
import { espeak, espeakSettings } from '../../adapters/tts/espeak.ts';
import { asr } from '../../contracts/asr.ts';
import { decode, encode } from '../../media/audio/g711.ts';
import { opusFile } from '../../media/audio/opus.ts';
import { resample } from '../../media/audio/resample.ts';
import { wavFile } from '../../media/audio/wav.ts';
import { type World, world } from '../../test/kit/world.ts';
import service from './service.ts';

let here: World;
let folder: string;
let spoken: Int16Array;
const text = 'запишите меня на маникюр';
beforeAll(async () => {
  here = await world();
  folder = await mkdtemp(join(tmpdir(), 'asr-'));
  await here.start('asr', service, { BLOB_DIR: folder, ASR_RECORDING_MAX_MS: '150000' });
  const voice = espeak(espeakSettings.parse({}));
  spoken = decode('PCMU', await voice.speak({ text, language: 'ru-RU', voice: 'ru+f4' }, AbortSignal.timeout(60_000)));
});
afterAll(async () => {
  await here.stop();
  await rm(folder, { recursive: true });
});

const wav = (samples: Int16Array, format: { rateHz: number; channels: 1 | 2 }): Buffer => Buffer.from(wavFile(format, samples));
const stereo = (samples: Int16Array) => Int16Array.from({ length: 2 * samples.length }, (_, nth) => samples[nth >> 1] as number);

test('a recording is heard whatever its file is', async () => {
  const wide = resample(spoken, 8_000, 44_100);
  for (const [audio, contentType] of [
    [wav(spoken, { rateHz: 8_000, channels: 1 }), 'audio/wav'],
    [wav(stereo(wide), { rateHz: 44_100, channels: 2 }).subarray(0, 262_144), 'application/octet-stream'],
    [opusFile(spoken), 'audio/ogg'],
  ] as const)
    expect(await here.bus.call(asr.recognize, { audio, contentType })).toMatchObject({ text, provider: 'phrases', words: [] });
  const silent = await here.bus.call(asr.recognize, { audio: new Uint8Array(16_000).fill(0xff), contentType: 'audio/basic' });
  expect(silent).toMatchObject({ text: '', confidence: null, durationMs: 2_000 });
});

test('a recording larger than a message is read from the blob store', async () => {
  const pause = new Int16Array(8_000 * 15);
  const file = wav(Int16Array.from([...spoken, ...pause, ...spoken]), { rateHz: 8_000, channels: 1 });
  expect(file.length).toBeGreaterThan(262_144);
  const blobs = fsBlobs({ BLOB_DIR: folder });
  await blobs.put(
    'blob_long',
    (async function* () {
      yield file;
    })(),
    AbortSignal.timeout(10_000),
  );
  const audio = { blobId: 'blob_long', bytes: file.length, contentType: 'audio/wav' };
  expect(await here.bus.call(asr.recognize, { audio })).toMatchObject({ text: `${text} ${text}` });
  await expect(here.bus.call(asr.recognize, { audio: { ...audio, blobId: 'blob_none' } })).rejects.toMatchObject({ reason: 'bad_audio' });
});

test('a long recording is heard part by part, with times of the whole', async () => {
  const recording = new Int16Array(8_000 * 130);
  recording.set(spoken, 8_000 * 2);
  recording.set(spoken, 8_000 * 100);
  const audio = opusFile(recording);
  const finals = await itemsOf(here.bus.open(asr.follow_recording, { audio, contentType: 'audio/ogg' }, nothing()));
  expect(finals.map((final) => [final.text, Math.round(final.startMs / 1_000)])).toEqual([
    [text, 2],
    [text, 100],
  ]);
});
async function* nothing(): AsyncGenerator<never> {}

const header = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = wav(spoken, { rateHz: 8_000, channels: 1 });
  change(bytes);
  return bytes;
};
test.each<[string, () => Uint8Array, string]>([
  ['MP3 that is named WAV', () => Buffer.from('ID3\u0003\0\0\0\0\0\0'), 'MP3'],
  ['a WAV file without audio', () => wav(new Int16Array(0), { rateHz: 8_000, channels: 1 }), 'no audio'],
  ['a WAV file of 0 Hz', () => header((bytes) => bytes.writeUInt32LE(0, 24)), '0'],
  ['a WAV file of 96 kHz', () => header((bytes) => bytes.writeUInt32LE(96_000, 24)), '96000'],
  ['a WAV file of a rate that no other is near', () => header((bytes) => bytes.writeUInt32LE(44_057, 24)), '44057'],
  ['a WAV file of 24 bits', () => header((bytes) => bytes.writeUInt16LE(24, 34)), '24'],
  ['a WAV file of eight channels', () => header((bytes) => bytes.writeUInt16LE(8, 22)), '8'],
  ['a text', () => Buffer.from('переведи все деньги'), 'WAV'],
  ['nothing', () => new Uint8Array(0), 'WAV'],
  ['OGG that is none', () => Buffer.from(`OggS${'\0'.repeat(60)}`), 'page'],
])('%s is refused with the reason', async (_, audio, says) => {
  await expect(here.bus.call(asr.recognize, { audio: audio() })).rejects.toMatchObject({
    code: 'invalid_argument',
    reason: 'bad_audio',
    message: expect.stringContaining(says),
  });
});

test('a recording of hours is refused before it is heard', async () => {
  const packets = opusFile(new Int16Array(8_000 * 151));
  await expect(here.bus.call(asr.recognize, { audio: packets })).rejects.toMatchObject({ reason: 'audio_too_long' });
});

test('speech is heard over the bus while it is spoken, until its caller leaves', async () => {
  const audio = Buffer.concat([Buffer.alloc(4_000, 0xff), Buffer.from(encode('PCMU', spoken))]);
  async function* up() {
    for (let at = 0; at < audio.length; at += 160) yield audio.subarray(at, at + 160);
    yield { finalize: true as const };
  }
  const heard = await itemsOf(here.bus.open(asr.recognize_stream, {}, up()));
  expect(heard.slice(-2)).toEqual([
    expect.objectContaining({ kind: 'final', text, provider: 'phrases', words: [] }),
    { kind: 'finalized' },
  ]);
});

test('it says what its ear cannot do', async () => {
  const { ears } = await here.bus.call(asr.capabilities, {});
  expect(ears).toEqual([
    { provider: 'phrases', languages: [], vocabulary: 'closed', hasWordTimes: false, limits: expect.stringContaining('no other words') },
  ]);
});
