import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { movedClock } from '../../../test/kit/moved-clock.ts';
import { until } from '../../../test/kit/until.ts';
import { earConformance, inFrames, itemsOf } from '../../asr/conformance.ts';
import { fakeSpeechOf } from '../../asr/fake-speech.ts';
import type { HeardItem, SpokenItem } from '../../asr/port.ts';
import { createOutbox } from '../../outbox.ts';
import { yandexEar } from './asr.ts';
import { speechKit } from './client.ts';
import { type YandexFake, yandexFake, yandexKey } from './fake.ts';
import { sessionOf } from './session.ts';
import { yandexAsrSettings } from './settings.ts';

const options = { language: 'ru-RU', hints: [] };
const said = (text: string) => ({ text, audio: fakeSpeechOf(text).slice(0, -640) });
const settingsFor = (url: string, key = yandexKey) =>
  yandexAsrSettings.parse({ YANDEX_SPEECHKIT_API_KEY: key, YANDEX_SPEECHKIT_ASR_URL: url });
const silence = (ms: number) => new Uint8Array(ms * 8).fill(0xff);

earConformance('yandex', async () => {
  const fake = await yandexFake();
  const ear = yandexEar(settingsFor(fake.url));
  const stop = async () => {
    await ear.close?.();
    await fake.close();
  };
  return { ear, options, spoken: [said('запишите меня на стрижку'), said('на завтра в 10')], stop };
});

let fake: YandexFake;
beforeAll(async () => {
  fake = await yandexFake({ punctuates: true });
});
afterAll(() => fake.close());
const signal = AbortSignal.timeout(250_000);

/** Twelve minutes on a simulated clock: numbered sentences, with a pause every `pauseEvery`. */
async function longTalk(isRotated: boolean, pauseEvery: number) {
  const clock = movedClock();
  const own = await yandexFake({ now: clock.now });
  const settings = settingsFor(own.url);
  const kit = speechKit('stt', own.url, settings);
  const ear = isRotated ? yandexEar(settings, clock) : { hear: sessionOf(kit, 'general', clock), close: async () => kit.close() };
  const up = createOutbox<SpokenItem>();
  const heard: HeardItem[] = [];
  let failure: unknown;
  const hearing = (async () => {
    for await (const item of ear.hear(up, options, signal)) heard.push(item);
  })().catch((thrown: unknown) => {
    failure = thrown;
  });
  const expected: string[] = [];
  let given = 0;
  for (let nth = 0; clock.now() < 720_000 && failure === undefined; nth += 1) {
    const sentence = `предложение ${nth} сказано`;
    expected.push(sentence);
    const audio = Buffer.concat([fakeSpeechOf(sentence), silence(nth % pauseEvery === 0 ? 6_000 : 2_500)]);
    for (let at = 0; at < audio.length; at += 8_000) {
      const part = audio.subarray(at, at + 8_000);
      up.put(part);
      given += 1;
      await clock.advance(part.length / 8);
    }
    up.put({ finalize: true });
    const answers = nth + 1;
    // The provider is a real server, which answers in real time rather than simulated time.
    await until(async () => {
      await clock.advance(10);
      return failure !== undefined || heard.filter(({ kind }) => kind === 'finalized').length >= answers;
    });
  }
  up.end();
  await hearing;
  await ear.close?.();
  await own.close();
  const finals = heard.flatMap((item) => (item.kind === 'final' ? [item] : []));
  return {
    finals,
    words: finals.flatMap(({ text }) => text.split(' ')).join(' '),
    expected: expected.join(' '),
    sessions: own.sessions,
    failure,
    given,
  };
}

test('sessions follow each other in a talk of twelve minutes, at pauses, and no word is lost or doubled', async () => {
  const { words, expected, sessions, finals, failure } = await longTalk(true, 8);
  expect(failure).toBeUndefined();
  expect(words).toBe(expected);
  expect(sessions.length).toBeGreaterThanOrEqual(4);
  for (const [nth, { startMs }] of finals.entries()) expect(startMs).toBeGreaterThanOrEqual(finals[nth - 1]?.endMs ?? 0);
  expect(finals.at(-1)?.endMs).toBeGreaterThan(600_000);
});

test('a single session ends before twelve minutes', async () => {
  const { finals, failure } = await longTalk(false, 8);
  expect(failure).toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('the limit of a session') });
  expect(finals.at(-1)?.endMs).toBeLessThan(305_000);
});

test('speech without a pause goes on in the next session, too', async () => {
  const clock = movedClock();
  const own = await yandexFake({ now: clock.now });
  const ear = yandexEar(settingsFor(own.url), clock);
  const up = createOutbox<SpokenItem>();
  const finals: string[] = [];
  let partial = '';
  const hearing = (async () => {
    for await (const item of ear.hear(up, options, signal)) {
      if (item.kind === 'final') finals.push(item.text);
      if (item.kind === 'partial') partial = item.text;
    }
  })();
  const words = Array.from({ length: 40 }, (_, nth) => `слово ${nth}`).join(' ');
  const audio = fakeSpeechOf(words);
  up.put(audio.subarray(0, audio.length / 2));
  await until(async () => {
    await clock.advance(1);
    return partial.split(' ').length > 30;
  });
  await clock.advance(281_000);
  for (let at = audio.length / 2; at < audio.length; at += 8_000) up.put(audio.subarray(at, Math.min(audio.length, at + 8_000)));
  up.put({ finalize: true });
  await until(async () => {
    await clock.advance(1);
    return own.sessions.length === 2 && partial.split(' ').length > 70;
  });
  up.end();
  await until(async () => {
    await clock.advance(50);
    return finals.length > 0;
  });
  await hearing;
  expect(finals.join(' ')).toBe(words);
  await ear.close?.();
  await own.close();
});

test('numbers and punctuation of the refinement replace the text of the final', async () => {
  const heard = await itemsOf(
    yandexEar(settingsFor(fake.url)).hear(
      (async function* (): AsyncGenerator<SpokenItem> {
        yield* inFrames(silence(500), fakeSpeechOf('запись'));
        yield { finalize: true };
      })(),
      options,
      signal,
    ),
  );
  expect(heard.filter(({ kind }) => kind === 'final')).toEqual([
    expect.objectContaining({ text: 'запись.', words: [{ text: 'запись', startMs: 500, endMs: 620, confidence: null }] }),
  ]);
});

test('a wrong key is no failure of the provider, a lost connection is one', async () => {
  const talk = async function* (): AsyncGenerator<SpokenItem> {
    yield* inFrames(fakeSpeechOf('запишите меня на завтра'));
    await new Promise(() => {}); // A talk that goes on.
  };
  await expect(itemsOf(yandexEar(settingsFor(fake.url, 'wrong')).hear(talk(), options, signal))).rejects.toMatchObject({
    reason: 'upstream_credentials',
  });
  const ear = yandexEar(settingsFor(fake.url));
  const items = ear.hear(talk(), options, signal)[Symbol.asyncIterator]();
  while ((await items.next()).value?.kind !== 'partial');
  fake.cut();
  await expect(
    (async () => {
      while (!(await items.next()).done);
    })(),
  ).rejects.toMatchObject({ code: 'unavailable' });
});

test('a recording longer than a session is cut where it is quiet', async () => {
  const own = await yandexFake();
  const sentences = Array.from({ length: 90 }, (_, nth) => `предложение ${nth}`);
  const recording = Buffer.concat(sentences.flatMap((sentence) => [fakeSpeechOf(sentence), silence(3_000)]));
  const ear = yandexEar(settingsFor(own.url));
  const finals = await ear.recognize(recording, options, signal);
  expect(finals.map(({ text }) => text.replace('.', '')).join(' ')).toBe(sentences.join(' '));
  expect(finals.at(-1)?.endMs).toBeGreaterThan(recording.length / 8 - 4_000);
  expect(own.sessions.length).toBe(Math.ceil(recording.length / 8 / 240_000));
  await ear.close?.();
  await own.close();
});
