import { describe, expect, test } from '@jest/globals';
import { createHealth } from '../../bus/telemetry/dependencies.ts';
import { createMetrics } from '../../bus/telemetry/metrics.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { seededRandom } from '../../contracts/kit/seeded-random.ts';
import { movedClock } from '../../test/kit/moved-clock.ts';
import { createOutbox } from '../outbox.ts';
import { earConformance } from './conformance.ts';
import { createFakeEar, fakeHeard, fakeSpeechOf } from './fake-speech.ts';
import { firstEarOf } from './first-of.ts';
import type { Ear, Final, HeardItem, SpokenItem, Word } from './port.ts';
import { createUnsettled } from './unsettled.ts';

const options = { language: 'ru-RU', hints: [] };
const watchdogMs = 3_000;
const down = new PolybError('unavailable', 'It is down.');

interface FakeState {
  isStalled?: boolean;
  fails?: PolybError;
  failsOnce?: PolybError | undefined;
  answersSpeech?: true;
  opened: number;
  openedAt?: number;
}
/** An ear that understands fake speech, ends an utterance after 400 ms of silence, and fails according to its state. */
function fakeEar(provider: string, state: FakeState, now: () => number): Ear {
  const finalOf = (words: readonly Word[]): Final[] =>
    words.length === 0
      ? []
      : [
          {
            kind: 'final',
            text: words.map(({ text }) => text).join(' '),
            confidence: 0.9,
            words,
            startMs: words[0]?.startMs ?? 0,
            endMs: words.at(-1)?.endMs ?? 0,
          },
        ];
  return {
    ...{ provider, languages: [], vocabulary: 'open', hasWordTimes: true, limits: null },
    ...(state.answersSpeech && { answersSpeech: true }),
    async *hear(spoken) {
      state.opened += 1;
      state.openedAt ??= now();
      const ear = createFakeEar();
      let words: Word[] = [];
      for await (const item of spoken) {
        const failure = state.fails ?? state.failsOnce;
        state.failsOnce = undefined;
        if (failure) throw failure;
        if (state.isStalled) continue;
        if ('finalize' in item) {
          yield* finalOf([...words, ...ear.end()]);
          words = [];
          yield { kind: 'finalized' };
          continue;
        }
        const heard = ear.push(item);
        words.push(...heard);
        if (words.length > 0 && ear.silenceMs >= 400) {
          yield* finalOf(words);
          words = [];
        } else if (heard.length > 0) yield { kind: 'partial', text: words.map(({ text }) => text).join(' ') };
        else yield { kind: 'alive' };
      }
    },
    async recognize(recording) {
      if (state.fails) throw state.fails;
      return finalOf(fakeHeard(recording));
    },
  };
}

function setup(...states: readonly Partial<FakeState>[]) {
  const clock = movedClock();
  const ears = states.map((given, nth) => {
    const state: FakeState = Object.assign(given, { opened: 0, answersSpeech: true as const });
    return { state, ear: fakeEar(`ear${nth + 1}`, state, clock.now) };
  });
  const metrics = createMetrics({ now: clock.now, log: quiet });
  const health = createHealth(clock.now);
  const ear = firstEarOf(
    ears.map((each) => each.ear),
    { clock, metrics, log: quiet, health: (provider) => health.of(provider), watchdogMs },
  );
  return {
    ear,
    ears: ears.map((each) => each.ear),
    states: ears.map(({ state }) => state),
    clock,
    failing: () => health.statuses().flatMap(({ target, failure }) => (failure === null ? [] : [`${target} ${failure}`])),
    series: async (name: string) => (await metrics.reports()).find((report) => report.name === name)?.series,
  };
}
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

const silence = (ms: number): Uint8Array => new Uint8Array(ms * 8).fill(0xff);
/** A talk at the pace of the clock, in frames of 100 ms. `at` acts at given moments of the talk. */
async function talk(
  { clock }: Pick<ReturnType<typeof setup>, 'clock'>,
  ear: Ear,
  script: readonly (Uint8Array | { readonly finalize: true })[],
  at: Readonly<Record<number, () => void>> = {},
) {
  const up = createOutbox<SpokenItem>();
  const items: { readonly item: HeardItem; readonly at: number }[] = [];
  const began = clock.now();
  let error: unknown;
  let isOver = false;
  const hearing = (async () => {
    try {
      for await (const item of ear.hear(up, options, new AbortController().signal)) items.push({ item, at: clock.now() - began });
    } catch (thrown) {
      error = thrown;
    }
    isOver = true;
  })();
  for (const part of script) {
    if (!(part instanceof Uint8Array)) {
      up.put(part);
      continue;
    }
    for (let from = 0; from < part.length; from += 800) {
      at[Math.round((clock.now() - began) / 100)]?.();
      up.put(part.subarray(from, from + 800));
      await clock.advance(100);
    }
  }
  await clock.advance(10_000);
  up.end();
  for (let times = 0; times < 20 && !isOver; times += 1) await clock.advance(1_000);
  if (isOver) await hearing;
  const finals = items.flatMap(({ item }) => (item.kind === 'final' ? [item] : []));
  return {
    items,
    error,
    finals,
    text: finals.map(({ text }) => text).join(' / '),
    finalized: items.filter(({ item }) => item.kind === 'finalized').length,
  };
}

const said = 'запишите меня на стрижку,завтра в 10 утра,нет лучше в 11,телефон 8 999 123 45 67,спасибо всего доброго'.split(',');
/** Random sentences with pauses between and within them, from a seed. */
function scriptOf(seed: number): readonly Uint8Array[] {
  const random = seededRandom(seed);
  return [silence(500), ...said.flatMap((sentence) => [fakeSpeechOf(sentence), silence(500 + Math.round(random() * 20) * 100)])];
}
const whole = said.join(' / ');
/** The first moment of speech, in ms, from a tenth of a second on. */
function speechAfter(script: readonly Uint8Array[], tenth: number): number {
  const frames = script.flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / 800) }, (_, nth) => part.subarray(nth * 800, nth * 800 + 800)),
  );
  return 100 * frames.findIndex((frame, nth) => nth >= tenth && frame.some((byte) => byte !== 0xff));
}
/** Moments of stalls, in tenths of a second, anywhere in a talk. */
const moments = Array.from({ length: 50 }, (_, seed) => ({ seed, stallsAt: 3 + Math.floor(seededRandom(seed + 100)() * 70) }));

describe('an ear that goes silent in mid-talk', () => {
  test('is replaced by the next one, and no sentence is lost or repeated, 50 of 50', async () => {
    let worstMs = 0;
    for (const { seed, stallsAt } of moments) {
      const it = setup({}, {});
      const [first, second] = it.states;
      const script = scriptOf(seed);
      const { text, finals } = await talk(it, it.ear, script, { [stallsAt]: () => Object.assign(first ?? {}, { isStalled: true }) });
      expect({ seed, text }).toEqual({ seed, text: whole });
      for (const [nth, { startMs }] of finals.entries()) expect(startMs).toBeGreaterThanOrEqual(finals[nth - 1]?.endMs ?? 0);
      if (second?.openedAt !== undefined) worstMs = Math.max(worstMs, second.openedAt - speechAfter(script, stallsAt));
    }
    expect(worstMs).toBeGreaterThan(watchdogMs - 500);
    expect(worstMs).toBeLessThanOrEqual(watchdogMs + 2_000);
  });

  test('loses sentences without the next one', async () => {
    let lost = 0;
    for (const { seed, stallsAt } of moments) {
      const it = setup({});
      const [ear] = it.ears;
      if (ear === undefined) throw new TypeError('no ear');
      const { text } = await talk(it, ear, scriptOf(seed), { [stallsAt]: () => Object.assign(it.states[0] ?? {}, { isStalled: true }) });
      if (text !== whole) lost += 1;
    }
    expect(lost).toBeGreaterThan(45);
  });

  test('is a failing dependency with an open circuit, and the change is counted', async () => {
    const it = setup({ isStalled: true }, {});
    await talk(it, it.ear, [fakeSpeechOf(whole), silence(2_000)]);
    expect(it.failing()).toEqual([expect.stringMatching(/^ear1 deadline_exceeded/)]);
    expect(await it.series('polyb_circuit_state')).toEqual([
      [['asr:ear1'], 2],
      [['asr:ear2'], 0],
    ]);
    expect(await it.series('polyb_speech_provider_changes_total')).toEqual([[['asr', 'ear1', 'ear2', 'silent'], 1]]);
  });

  test('after the last word is replaced, too: a request for the final is answered once', async () => {
    const it = setup({}, {});
    const script = [
      silence(500),
      fakeSpeechOf('запишите меня'),
      { finalize: true },
      silence(500),
      fakeSpeechOf('завтра'),
      { finalize: true },
    ] as const;
    const { text, finalized } = await talk(it, it.ear, script, { 14: () => Object.assign(it.states[0] ?? {}, { isStalled: true }) });
    expect({ text, finalized }).toEqual({ text: 'запишите меня / завтра', finalized: 2 });
    expect(it.states.map(({ opened }) => opened)).toEqual([expect.any(Number), 1]);
  });

  test('stays when no other ear says anything either, and goes on when it hears again', async () => {
    const it = setup({ isStalled: true }, { isStalled: true });
    const speech = fakeSpeechOf('кто здесь '.repeat(20));
    const { text, error } = await talk(it, it.ear, [speech, silence(3_000), fakeSpeechOf('алло'), silence(1_000)], {
      [Math.ceil(speech.length / 800) + 20]: () => it.states.map((state) => Object.assign(state, { isStalled: false })),
    });
    expect({ error, isHeard: text.endsWith('алло') }).toEqual({ error: undefined, isHeard: true });
  });
});

test('nobody who is silent, and no noise that an ear answers, has an ear replaced', async () => {
  const it = setup({}, {});
  // A tone is no letter that lasts; the fake answers that it is alive.
  const { text } = await talk(it, it.ear, [silence(30_000), fakeSpeechOf('да'), silence(30_000)]);
  expect(text).toBe('да');
  const mute = setup({ isStalled: true }, {});
  await talk(mute, mute.ear, [silence(30_000)]);
  expect([it.states[1]?.opened, mute.states[1]?.opened]).toEqual([0, 0]);
});

test('an ear that fails is replaced at once, and the sentence it was hearing is whole', async () => {
  for (let at = 5; at < 60; at += 5) {
    const it = setup({}, {});
    const { text, items } = await talk(it, it.ear, scriptOf(at), { [at]: () => Object.assign(it.states[0] ?? {}, { fails: down }) });
    expect({ at, text }).toEqual({ at, text: whole });
    expect(items.find(({ at: when, item }) => when > at * 100 && item.kind !== 'alive')?.at ?? 0).toBeLessThan(at * 100 + 3_000);
  }
});

test('speech that the next ear has to hear again is announced, and a change in silence is not', async () => {
  const startsOver = async (at: number) => {
    const it = setup({}, {});
    const script = [silence(500), fakeSpeechOf('запишите меня на стрижку'), silence(2_000), fakeSpeechOf('завтра')];
    const { items } = await talk(it, it.ear, script, { [at]: () => Object.assign(it.states[0] ?? {}, { failsOnce: down }) });
    return items.flatMap(({ item }, nth) => (item.kind === 'starts_over' ? [items[nth + 1]?.item.kind] : []));
  };
  expect(await startsOver(10)).toEqual(['partial']);
  expect(await startsOver(2)).toEqual([]);
});

test('an ear without a next one is opened again once it has heard something, and reports its failure otherwise', async () => {
  const it = setup({});
  const { text } = await talk(it, it.ear, scriptOf(1), { 20: () => Object.assign(it.states[0] ?? {}, { failsOnce: down }) });
  expect([text, it.states[0]?.opened]).toEqual([whole, 2]);
  const broken = setup({ fails: down });
  expect((await talk(broken, broken.ear, [silence(500)])).error).toBe(down);
});

test('a preferred ear that a probe finds well again goes on between two utterances', async () => {
  const it = setup({ fails: down }, {});
  const utterance = [fakeSpeechOf('раз два три'), { finalize: true }, silence(1_000)] as const;
  const script = Array.from({ length: 40 }, () => utterance).flat();
  const { text, finals } = await talk(it, it.ear, script, { 100: () => Object.assign(it.states[0] ?? {}, { fails: undefined }) });
  expect(text).toBe(Array.from({ length: 40 }, () => 'раз два три').join(' / '));
  const providers = finals.map(({ provider }) => provider);
  const back = providers.indexOf('ear1');
  expect(providers).toEqual(providers.map((_, nth) => (nth < back ? 'ear2' : 'ear1')));
  // The rest is over after 15 s.
  expect((finals[back]?.startMs ?? 0) / 1_000).toBeGreaterThan(14);
  expect((finals[back]?.startMs ?? 0) / 1_000).toBeLessThan(19);
  expect(it.failing()).toEqual([]);
  expect(await it.series('polyb_speech_provider_changes_total')).toContainEqual([['asr', 'ear2', 'ear1', 'recovered'], 1]);
});

test('a request that only one ear refuses is heard by the next one, and is no failure of the first', async () => {
  const it = setup({ fails: new PolybError('failed_precondition', 'x', { reason: 'no_vocabulary' }) }, {});
  const { text } = await talk(it, it.ear, [fakeSpeechOf('да'), silence(1_000)]);
  expect([text, it.failing(), (await it.series('polyb_circuit_state'))?.[0]]).toEqual(['да', [], [['asr:ear1'], 0]]);
});

test('a recording is heard by the first ear that can, and the finals say which', async () => {
  const it = setup({ fails: down }, {});
  const [final] = await it.ear.recognize(fakeSpeechOf('алло'), options, AbortSignal.timeout(10_000));
  expect(final).toMatchObject({ text: 'алло', provider: 'ear2' });
  const none = setup({ fails: down }, { fails: down });
  await expect(none.ear.recognize(fakeSpeechOf('алло'), options, AbortSignal.timeout(10_000))).rejects.toBe(down);
});

test('a minute of audio without a text is kept, and the silence before speech is not', () => {
  const audio = createUnsettled();
  for (let nth = 0; nth < 600; nth += 1) audio.push(silence(100));
  expect(audio.replay().items.reduce((sum, item) => sum + (item instanceof Uint8Array ? item.length : 0), 0)).toBeLessThanOrEqual(8_800);
  audio.push(fakeSpeechOf('алло '.repeat(600)));
  const { from, items } = audio.replay();
  expect(audio.length - from).toBe(480_000);
  expect(items.reduce((sum, item) => sum + (item instanceof Uint8Array ? item.length : 0), 0)).toBe(480_000);
});

test('requests for finals are asked again at their places, and those of known text at once', () => {
  const audio = createUnsettled();
  audio.push(fakeSpeechOf('раз'));
  audio.push({ finalize: true });
  audio.push(fakeSpeechOf('два'));
  audio.push({ finalize: true });
  audio.push(fakeSpeechOf('три'));
  audio.settle(fakeSpeechOf('раз').length);
  const { from, items } = audio.replay();
  expect(from).toBe(fakeSpeechOf('раз').length);
  expect(
    items.map((item) =>
      item instanceof Uint8Array
        ? fakeHeard(item)
            .map(({ text }) => text)
            .join()
        : '?',
    ),
  ).toEqual(['?', 'два', '?', 'три']);
});

earConformance('two ears, of which the first is down,', async () => {
  const { ear } = setup({ fails: down }, {});
  const utterance = (text: string) => ({ text, audio: fakeSpeechOf(text).slice(0, -640) });
  return { ear, options, spoken: [utterance('запишите меня'), utterance('до свидания')] };
});
