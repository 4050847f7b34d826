import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHealth } from '../../../bus/telemetry/dependencies.ts';
import { createMetrics } from '../../../bus/telemetry/metrics.ts';
import { systemClock } from '../../../media/sip/clock.ts';
import { until } from '../../../test/kit/until.ts';
import { type VendorWorld, vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { earConformance, inFrames, itemsOf } from '../../asr/conformance.ts';
import { fakeSpeechOf } from '../../asr/fake-speech.ts';
import { firstEarOf } from '../../asr/first-of.ts';
import type { HeardItem, SpokenItem } from '../../asr/port.ts';
import { deepgramEar } from './asr.ts';
import { type DeepgramFake, deepgramFake, deepgramKey } from './fake.ts';
import { deepgramAsrSettings } from './settings.ts';

const options = { language: 'ru-RU', hints: ['запишите меня'] };
const said = (text: string) => ({ text, audio: fakeSpeechOf(text).slice(0, -640) });
const spoken = [said('запишите меня на стрижку'), said('на завтра в 10')] as const;
const settingsFor = (url: string, more: object = {}) =>
  deepgramAsrSettings.parse({ DEEPGRAM_API_KEY: deepgramKey, DEEPGRAM_BASE_URL: url, ...more });

for (const model of ['nova-3', 'flux-general-multi'])
  earConformance(`deepgram with ${model}`, async () => {
    const { fake, deps, stop } = await vendorWorld(0, () => deepgramFake());
    return { ear: deepgramEar(settingsFor(fake.url, { DEEPGRAM_ASR_MODEL: model }), { ...deps, now: Date.now }), options, spoken, stop };
  });

let it: VendorWorld<DeepgramFake>;
beforeAll(async () => {
  it = await vendorWorld(0, () => deepgramFake());
});
afterAll(() => it.stop());
const signal = AbortSignal.timeout(60_000);
const silence = (ms: number) => new Uint8Array(ms * 8).fill(0xff);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const words = [{ text: 'запись', confidence: 0.9 }];

test('a connection that breaks off, and a wrong key, are unavailable', async () => {
  const wrong = deepgramEar(settingsFor(it.fake.url, { DEEPGRAM_API_KEY: 'wrong' }), it.deps);
  await expect(itemsOf(wrong.hear((async function* () {})(), options, signal))).rejects.toMatchObject({ code: 'unavailable' });
  await expect(wrong.recognize(spoken[0].audio, options, signal)).rejects.toMatchObject({ reason: 'upstream_credentials' });
  const ear = deepgramEar(settingsFor(it.fake.url), it.deps);
  const talk = async function* (): AsyncGenerator<SpokenItem> {
    yield* inFrames(spoken[0].audio);
    await new Promise(() => {}); // A talk that goes on.
  };
  const heard = ear.hear(talk(), options, signal)[Symbol.asyncIterator]();
  expect((await heard.next()).value).toMatchObject({ kind: 'partial' });
  it.fake.cut();
  await expect(
    (async () => {
      while (!(await heard.next()).done);
    })(),
  ).rejects.toMatchObject({ code: 'unavailable', reason: 'ear_broke_off' });
});

test('finals have words with their times, in ms of the audio that was given', async () => {
  const heard = await itemsOf(
    deepgramEar(settingsFor(it.fake.url), it.deps).hear(
      (async function* (): AsyncGenerator<SpokenItem> {
        yield* inFrames(silence(500), fakeSpeechOf('запись'));
        yield { finalize: true };
      })(),
      options,
      signal,
    ),
  );
  expect(heard.find(({ kind }) => kind === 'final')).toMatchObject({
    words: [{ ...words[0], startMs: 500, endMs: 620 }],
    startMs: 500,
    endMs: 620,
  });
});

test.each([
  ['nova-3', undefined],
  ['flux-general-multi', 0.9],
])('how sure the provider is that the speaker has finished comes with a final of %s as %d', async (model, endOfTurn) => {
  const talk = async function* (): AsyncGenerator<SpokenItem> {
    yield* inFrames(fakeSpeechOf('запись'));
    yield { finalize: true };
  };
  const heard = await itemsOf(deepgramEar(settingsFor(it.fake.url, { DEEPGRAM_ASR_MODEL: model }), it.deps).hear(talk(), options, signal));
  expect(heard.flatMap((item) => (item.kind === 'final' ? [item.endOfTurn] : []))).toEqual([endOfTurn]);
});

test('Flux reports a likely end of turn before the end, and takes it back when the speaker goes on', async () => {
  const talk = async function* (): AsyncGenerator<SpokenItem> {
    yield* inFrames(fakeSpeechOf('запишите меня'), silence(200), fakeSpeechOf('завтра'));
    yield { finalize: true };
  };
  const ear = deepgramEar(settingsFor(it.fake.url, { DEEPGRAM_ASR_MODEL: 'flux-general-multi' }), it.deps);
  const heard = await itemsOf(ear.hear(talk(), options, signal));
  expect(heard.flatMap((item) => ('endOfTurn' in item ? [[item.kind, item.text, item.endOfTurn]] : []))).toEqual([
    ['partial', 'запишите меня', 0.6],
    ['partial', 'запишите меня завтра', 0],
    ['partial', 'запишите меня завтра', 0.6],
    ['final', 'запишите меня завтра', 0.9],
  ]);
});

test('a provider that stalls in mid-talk is replaced over real connections, and no word is lost or doubled', async () => {
  const other = await deepgramFake();
  const metrics = createMetrics({ now: Date.now, log });
  const both = [it.fake, other].map(({ url }, nth) => ({ ...deepgramEar(settingsFor(url), it.deps), provider: `deepgram ${nth + 1}` }));
  const health = createHealth(Date.now);
  const ear = firstEarOf(both, { clock: systemClock, log, metrics, health: health.of, watchdogMs: 1_500 });
  const [sentence, next] = ['запишите меня на завтра', 'можно в 10'].map(fakeSpeechOf);
  const talk = async function* (): AsyncGenerator<SpokenItem> {
    yield* inFrames(sentence ?? silence(1));
    yield { finalize: true };
    await until(() => heard.some(({ kind }) => kind === 'finalized'));
    it.fake.stall();
    yield* inFrames(next ?? silence(1));
    yield { finalize: true };
  };
  const heard: HeardItem[] = [];
  for await (const item of ear.hear(talk(), options, signal)) heard.push(item);
  it.fake.recover();
  await ear.close?.();
  await other.close();
  const finals = heard.flatMap((item) => (item.kind === 'final' ? [[item.provider, item.text]] : []));
  expect(finals).toEqual([
    ['deepgram 1', 'запишите меня на завтра'],
    ['deepgram 2', 'можно в 10'],
  ]);
  expect(heard.filter(({ kind }) => kind === 'finalized')).toHaveLength(2);
});

test('a request for a final of little audio is answered, though the provider does not', async () => {
  const talk = async function* (): AsyncGenerator<SpokenItem> {
    yield* inFrames(silence(1_200));
    yield { finalize: true };
    yield silence(100);
    yield { finalize: true };
    await until(() => answers === 2);
  };
  let answers = 0;
  for await (const { kind } of deepgramEar(settingsFor(it.fake.url), { ...it.deps, now: Date.now }).hear(talk(), options, signal))
    if (kind === 'finalized') answers += 1;
  expect(answers).toBe(2);
});

test('the library of the vendor understands the fake that the adapter is tested with', async () => {
  const { DeepgramClient } = await import('@deepgram/sdk');
  const client = new DeepgramClient({ apiKey: deepgramKey, baseUrl: it.fake.url });
  const heard = await client.listen.v1.media.transcribeFile(Buffer.from(spoken[0].audio), {
    model: 'nova-3',
    language: 'ru',
    utterances: true,
  });
  expect(heard).toMatchObject({ results: { channels: [{ alternatives: [{ transcript: spoken[0].text }] }] } });
  const speech = await client.speak.v1.audio.generate({
    text: 'hola 5',
    model: 'aura-2-celeste-es',
    encoding: 'mulaw',
    sample_rate: 8_000,
    container: 'none',
  });
  expect((await speech.arrayBuffer()).byteLength).toBeGreaterThan(0);
});
