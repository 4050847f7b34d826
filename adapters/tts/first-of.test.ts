import { describe, expect, test } from '@jest/globals';
import { createHealth } from '../../bus/telemetry/dependencies.ts';
import { createMetrics } from '../../bus/telemetry/metrics.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { movedClock } from '../../test/kit/moved-clock.ts';
import { fakeHeard, fakeSpeechOf, fakeWordsOf } from '../asr/fake-speech.ts';
import { voiceConformance } from './conformance.ts';
import { firstVoiceOf } from './first-of.ts';
import type { Speak, TtsProvider } from './port.ts';
import { sentencesIn } from './sentences.ts';
import { spokenWhole, wholeOf } from './streamed.ts';

const down = new PolybError('unavailable', 'It is down.');
const signal = new AbortController().signal;
interface FakeState {
  /** After so many pieces of 100 ms it stops. */
  stopsAfter?: number;
  /** The text in which it stops, by its number; default: any. */
  stopsIn?: number;
  how?: 'stalls' | 'fails';
  reportsWords?: true;
  languages?: readonly string[];
  texts: string[];
}
/** A voice of the fakes' speech. */
function fakeVoice(provider: string, state: FakeState): TtsProvider {
  const stream = async function* ({ text }: Speak, given: AbortSignal) {
    state.texts.push(text);
    const speech = fakeSpeechOf(text);
    if (state.reportsWords) yield { words: fakeHeard(speech).map(({ text: word, startMs, endMs }) => ({ text: word, startMs, endMs })) };
    for (let at = 0; at < speech.length; at += 800) {
      if (state.stopsAfter === at / 800 && (state.stopsIn ?? state.texts.length) === state.texts.length) {
        if (state.how === 'fails') throw down;
        await new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason), { once: true }));
      }
      yield speech.subarray(at, at + 800);
    }
  };
  return {
    provider,
    stream,
    speak: spokenWhole(stream),
    async voices(language) {
      const { languages = ['ru'] } = state;
      const [family] = (language ?? '').split('-');
      return languages
        .filter((each) => language === undefined || each === family)
        .flatMap((each) => ['а', 'б'].map((name) => ({ voice: `${provider}-${name}`, language: each, gender: null })));
    },
  };
}
function setup(...states: readonly Partial<FakeState>[]) {
  const clock = movedClock();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const metrics = createMetrics({ now: clock.now, log });
  const given = states.map((state) => Object.assign(state, { texts: [] as string[] }));
  const voices = firstVoiceOf(
    given.map((state, nth) => fakeVoice(`v${nth + 1}`, state)),
    { clock, log, metrics, health: createHealth(clock.now).of, watchdogMs: 3_000 },
  );
  return {
    clock,
    voices,
    states: given,
    series: async (name: string) => (await metrics.reports()).find((report) => report.name === name)?.series,
    async say(text: string, more: Partial<Speak> = {}) {
      let isOver = false;
      const said = wholeOf(voices.stream({ text, language: 'ru-RU', ...more }, signal)).finally(() => {
        isOver = true;
      });
      said.catch(() => {}); // The caller gets it.
      for (let times = 0; times < 40 && !isOver; times += 1) await clock.advance(500);
      const { audio, by, words } = await said;
      return {
        text: fakeHeard(audio)
          .map(({ text: word }) => word)
          .join(' '),
        by,
        words,
        tookMs: clock.now(),
      };
    },
  };
}
const text = 'Добрый день, салон красоты! Вы записаны на завтра в 10. До встречи у нас.';
const whole = fakeWordsOf(text).join(' ');

describe.each(['stalls', 'fails'] as const)('a voice that %s', (how) => {
  test('before its first sound is replaced, and rests', async () => {
    const it = setup({ stopsAfter: 0, how }, {});
    const { by, tookMs, ...said } = await it.say(text);
    expect([said.text, by]).toEqual([whole, { provider: 'v2', voice: 'v2-а' }]);
    expect(tookMs).toBeLessThanOrEqual(how === 'fails' ? 500 : 3_500);
    expect(await it.series('polyb_circuit_state')).toContainEqual([['tts:v1'], 2]);
    expect(await it.series('polyb_speech_provider_changes_total')).toEqual([
      [['tts', 'v1', 'v2', how === 'fails' ? 'failed' : 'silent'], 1],
    ]);
    await it.say(text);
    expect(it.states[0]?.texts).toHaveLength(1);
  });

  test('in a sentence begins it again with the next voice: no sentence is lost, and no finished one is repeated', async () => {
    for (let stopsAfter = 1; stopsAfter < 8; stopsAfter += 1) {
      const it = setup({ stopsAfter, how }, {});
      const { text: heard } = await it.say(text);
      expect(heard.endsWith(whole)).toBe(true);
      expect(it.states[1]?.texts.join(' ')).toBe(text);
    }
  });

  test('in the second sentence is not asked to speak the first one again', async () => {
    const it = setup({ stopsAfter: 2, stopsIn: 2, how }, {});
    const { text: heard } = await it.say(text);
    const [first = '', ...others] = sentencesIn(text);
    expect(it.states[1]?.texts).toEqual(others);
    expect(heard.split(fakeWordsOf(first).join(' '))).toHaveLength(2);
  });

  test('and reports its words goes on with the next one after the last word that was spoken', async () => {
    for (let stopsAfter = 1; stopsAfter < 8; stopsAfter += 1) {
      const it = setup({ stopsAfter, how, reportsWords: true }, { reportsWords: true });
      const { text: heard } = await it.say('Добрый день, салон красоты!');
      const rest = it.states[1]?.texts[0] ?? '';
      expect('добрый день салон красоты'.endsWith(fakeWordsOf(rest).join(' '))).toBe(true);
      // Only the word that was cut is spoken again.
      expect(fakeWordsOf(heard).length).toBeLessThanOrEqual(5);
      for (const word of fakeWordsOf(rest)) expect(heard.split(' ').filter((each) => each === word)).toHaveLength(1);
    }
  });
});

test('without a next voice, the failure is that of the last one', async () => {
  await expect(setup({ stopsAfter: 0, how: 'fails' }, { stopsAfter: 0, how: 'fails' }).say(text)).rejects.toBe(down);
  await expect(setup({ languages: ['en'] }).say(text)).rejects.toMatchObject({ code: 'invalid_argument', reason: 'no_voice' });
});

test('the provider that has the voice, or the language, speaks', async () => {
  const it = setup({ languages: ['en', 'de'] }, { languages: ['ru', 'en'] });
  const by = async (language: string, voice?: string) => (await it.say('Раз.', { language, voice })).by?.voice;
  expect([await by('en'), await by('ru-RU'), await by('en', 'v2-б'), await by('en', 'alena')]).toEqual(['v1-а', 'v2-а', 'v2-б', 'v1-а']);
  expect((await it.voices.voices(undefined, signal)).map(({ language, provider }) => `${language} ${provider}`)).toEqual([
    'en v1',
    'de v1',
    'ru v2',
  ]);
});

test('a voice that a probe finds well again speaks the next text', async () => {
  const it = setup({ stopsAfter: 0, how: 'fails' }, {});
  expect((await it.say('Раз.')).by?.provider).toBe('v2');
  Object.assign(it.states[0] ?? {}, { stopsAfter: undefined });
  await it.clock.advance(16_000);
  expect((await it.say('Два.')).by?.provider).toBe('v1');
});

test('a text is parted where sentences end, and not within', () => {
  expect(sentencesIn(text)).toEqual(['Добрый день, салон красоты!', 'Вы записаны на завтра в 10.', 'До встречи у нас.']);
  expect(sentencesIn('Ждём вас на ул. Ленина, д. 5, к А. С. Иванову. Цена 500 руб. Без скидки. Да. Нет?')).toEqual([
    'Ждём вас на ул. Ленина, д. 5, к А. С. Иванову.',
    'Цена 500 руб. Без скидки.',
    'Да. Нет?',
  ]);
  expect(sentencesIn('  ')).toEqual([]);
});

voiceConformance('two voices, of which the first is down,', async () => {
  const { voices } = setup({ stopsAfter: 0, how: 'fails' }, {});
  const tts = { ...voices, provider: 'both' };
  return {
    tts,
    language: 'ru-RU',
    sentences: ['Добрый день, салон.', 'Вы записаны на 10 утра.'],
    heard: (audio) =>
      fakeHeard(audio)
        .map((word) => word.text)
        .join(' '),
  };
});
