/**
 * Several voice providers as one: when one fails or stalls, the next one takes over. A text that more than one can speak is spoken sentence
 * by sentence, so no sentence is lost and no finished one is repeated. A sentence that broke off continues after its last spoken word if
 * the provider reports words; otherwise it is spoken again.
 */
import { isPolybError, PolybError } from '../../contracts/kit/errors.ts';
import { type PreferredDeps, preferred } from '../preferred.ts';
import type { Speak, SpeechItem, SpokenWord, Tts, TtsProvider, Voice } from './port.ts';
import { sentencesIn } from './sentences.ts';
import { joined, msOf, spokenWhole, streamOf } from './streamed.ts';

export interface FirstVoiceDeps extends PreferredDeps {
  /** How long a voice may be silent before or within a sentence if another one is left. */
  readonly watchdogMs: number;
}
interface Candidate {
  readonly tts: TtsProvider;
  readonly voice: string;
}
/** Silence between the break-off of one voice and the start of the next. */
const breath = new Uint8Array(1_200).fill(0xff);
const probeText: Readonly<Record<string, string>> = { ru: 'Раз.' };

/** @param all in order of preference, at least one; the provider of a requested voice comes first */
export function firstVoiceOf(
  all: readonly TtsProvider[],
  { watchdogMs, ...deps }: FirstVoiceDeps,
): Required<Tts> & TtsProvider & { close(): void } {
  /** The last language that each provider spoke. */
  const spoken = new Map<TtsProvider, string>();
  const order = preferred('tts', all, (tts, signal) => probe(tts, spoken.get(tts) ?? '', signal), deps);

  /** @throws PolybError invalid_argument/no_voice; the error of the last provider when none can list its voices */
  async function candidatesFor({ language, voice }: Speak, signal: AbortSignal): Promise<readonly Candidate[]> {
    const listed = await Promise.allSettled(all.map((tts) => tts.voices(language, signal)));
    const found = listed.flatMap((list, nth) => {
      const [voices, tts] = [list.status === 'fulfilled' ? list.value : [], all[nth] as TtsProvider];
      const own = voices.find((one) => one.voice === voice);
      const [first = own] = voices;
      return first === undefined ? [] : [{ tts, voice: (own ?? first).voice, isOwn: own !== undefined }];
    });
    const failed = listed.find((list) => list.status === 'rejected');
    if (found.length === 0 && failed !== undefined) throw failed.reason;
    if (found.length === 0)
      throw new PolybError(
        'invalid_argument',
        `No voice of ${all.map(({ provider }) => provider).join(', ')} speaks ${language}; polyb call list_voices lists the languages.`,
        {
          reason: 'no_voice',
        },
      );
    return found.toSorted((a, b) => Number(b.isOwn) - Number(a.isOwn));
  }

  async function* sentence(
    text: string,
    { language }: Speak,
    candidates: readonly Candidate[],
    signal: AbortSignal,
  ): AsyncGenerator<SpeechItem> {
    const left = [...candidates];
    let rest = text;
    /** Audio spoken before `rest`. */
    let bytes = 0;
    for (;;) {
      const tts = order.pick(left.map((one) => one.tts));
      const one = left.splice(
        left.findIndex((each) => each.tts === tts),
        1,
      )[0] as Candidate;
      const beganMs = msOf(bytes);
      spoken.set(one.tts, language);
      const words: SpokenWord[] = [];
      yield { by: { provider: one.tts.provider, voice: one.voice } };
      try {
        const items = patiently(
          one.tts,
          { text: rest, language, voice: one.voice },
          left.length === 0 ? undefined : watchdogMs,
          deps.clock,
          signal,
        );
        for await (const item of items) {
          if (item instanceof Uint8Array) bytes += item.length;
          if ('words' in item) words.push(...item.words);
          yield 'words' in item
            ? { words: item.words.map((word) => ({ ...word, startMs: word.startMs + beganMs, endMs: word.endMs + beganMs })) }
            : item;
        }
        order.worked(one.tts);
        return;
      } catch (thrown) {
        if (signal.aborted || !isPolybError(thrown)) throw thrown;
        order.failed(one.tts, thrown);
        const next = order.pick(left.map((each) => each.tts));
        if (next === undefined) throw thrown;
        order.replaced(one.tts, next, thrown.reason === 'voice_silent' ? 'silent' : 'failed');
        rest = unspoken(rest, words, msOf(bytes) - beganMs);
        if (rest === '') return;
        if (bytes > 0) {
          bytes += breath.length;
          yield breath;
        }
      }
    }
  }
  const stream: NonNullable<Tts['stream']> = async function* (speak, signal) {
    signal.throwIfAborted();
    const candidates = await candidatesFor(speak, signal);
    const parts = candidates.length === 1 ? [speak.text] : sentencesIn(speak.text);
    yield* joined(parts, (text) => sentence(text, speak, candidates, signal));
  };
  return {
    /** The provider that speaks next. */
    get provider() {
      return order.pick(all)?.provider ?? '';
    },
    stream,
    speak: spokenWhole(stream),
    async voices(language, signal) {
      const listed = await Promise.allSettled(all.map((tts) => tts.voices(language, signal)));
      const [failed] = listed.filter((list) => list.status === 'rejected');
      if (failed !== undefined && listed.every((list) => list.status === 'rejected')) throw failed.reason;
      const voices = listed.flatMap((list, nth): readonly Voice[] =>
        list.status === 'rejected' ? [] : list.value.map((voice) => ({ ...voice, provider: (all[nth] as TtsProvider).provider })),
      );
      if (language !== undefined) return voices;
      return voices.filter((voice, nth) => voices.findIndex((other) => other.language === voice.language) === nth);
    },
    close: order.close,
  };
}

/** Throws when no item arrives for `limitMs`. */
async function* patiently(
  tts: Tts,
  speak: Speak,
  limitMs: number | undefined,
  clock: PreferredDeps['clock'],
  signal: AbortSignal,
): AsyncGenerator<SpeechItem> {
  if (limitMs === undefined) return yield* streamOf(tts, speak, signal);
  const left = new AbortController();
  const items = streamOf(tts, speak, AbortSignal.any([signal, left.signal]));
  try {
    for (;;) {
      const late = Promise.withResolvers<never>();
      const cancel = clock.after(limitMs, () =>
        late.reject(new PolybError('deadline_exceeded', `The voice has been silent for ${limitMs} ms.`, { reason: 'voice_silent' })),
      );
      const next = await Promise.race([items.next(), late.promise]).finally(cancel);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    left.abort();
    items.return(undefined).catch(() => {}); // Not awaited: it may never end.
  }
}

/** The text after the last fully spoken word; the whole text if the words are not known. */
function unspoken(text: string, words: readonly SpokenWord[], spokenMs: number): string {
  let at = 0;
  for (const { text: word, endMs } of words) {
    const found = text.toLowerCase().indexOf(word.toLowerCase(), at);
    if (endMs > spokenMs || found < 0) break;
    at = found + word.length;
  }
  return text
    .slice(at)
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .trim();
}

async function probe(tts: TtsProvider, language: string, signal: AbortSignal): Promise<void> {
  const [voice] = await tts.voices(language, signal);
  const text = probeText[language.split('-')[0] ?? ''] ?? '1';
  for await (const item of streamOf(tts, { text, language, voice: voice?.voice }, signal)) if (item instanceof Uint8Array) return;
}
