/**
 * Synthesizes each text once: speech is cached in memory (least recently used goes first), and simultaneous callers of one text share it
 * while it is made.
 */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Speak, SpeechItem, Tts } from './port.ts';
import { streamOf, wholeOf } from './streamed.ts';

/** About two hours of speech. */
const maxBytes = 64 << 20;
/** Maximum silence of a voice within a text. */
const idleMs = 20_000;

export function remembered(tts: Tts): Required<Tts> {
  const kept = new Map<string, readonly SpeechItem[]>();
  const making = new Map<string, SpeechInProgress>();
  let bytes = 0;
  function keep(key: string, items: readonly SpeechItem[]): void {
    kept.set(key, items);
    bytes += bytesOf(items);
    for (const [oldest, of] of kept) {
      if (bytes <= maxBytes) return;
      kept.delete(oldest);
      bytes -= bytesOf(of);
    }
  }
  function begin(key: string, speak: Speak): SpeechInProgress {
    const forget = (): void => {
      if (making.get(key) === begun) making.delete(key);
    };
    const begun: SpeechInProgress = make((signal) => streamOf(tts, speak, signal), forget);
    making.set(key, begun);
    begun.whole
      .then((items) => keep(key, items))
      .catch(() => {}) // the callers get the error
      .finally(forget);
    return begun;
  }
  async function* stream(speak: Speak, signal: AbortSignal): AsyncGenerator<SpeechItem> {
    const key = keyOf(speak);
    const known = kept.get(key);
    if (known === undefined) return yield* (making.get(key) ?? begin(key, speak)).read(signal);
    kept.delete(key);
    kept.set(key, known);
    yield* known;
  }
  return { stream, speak: async (speak, signal) => (await wholeOf(stream(speak, signal))).audio };
}

interface SpeechInProgress {
  /** The whole speech from its beginning. */
  read(signal: AbortSignal): AsyncIterable<SpeechItem>;
  readonly whole: Promise<readonly SpeechItem[]>;
}
/** Makes speech for any number of readers. Calls `abandoned` when the last reader leaves before the end. */
function make(speak: (signal: AbortSignal) => AsyncIterable<SpeechItem>, abandoned: () => void): SpeechInProgress {
  const items: SpeechItem[] = [];
  const stop = new AbortController();
  let readers = 0;
  let more = Promise.withResolvers<void>();
  let isMade = false;
  const whole = (async () => {
    const idle = setTimeout(() => stop.abort(new PolybError('unavailable', 'The voice has gone silent.')), idleMs).unref();
    try {
      for await (const item of speak(stop.signal)) {
        idle.refresh();
        items.push(item);
        more.resolve();
        more = Promise.withResolvers();
      }
    } finally {
      clearTimeout(idle);
    }
    return items;
  })();
  const ended = whole.then(() => {
    isMade = true;
  });
  ended.catch(() => {}); // Each reader gets the error.
  return {
    whole,
    async *read(signal) {
      readers += 1;
      const left = Promise.withResolvers<never>();
      left.promise.catch(() => {}); // Only a waiting reader gets the rejection.
      const leave = (): void => left.reject(signal.reason);
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
      try {
        for (let at = 0; ; at += 1) {
          while (items[at] === undefined) {
            if (isMade) return;
            await Promise.race([more.promise, ended, left.promise]);
          }
          yield items[at] as SpeechItem;
        }
      } finally {
        signal.removeEventListener('abort', leave);
        readers -= 1;
        if (readers === 0 && !isMade) {
          abandoned();
          stop.abort();
        }
      }
    },
  };
}

const keyOf = ({ text, language, voice }: Speak): string => JSON.stringify([text, language, voice ?? null]);
const bytesOf = (items: readonly SpeechItem[]): number =>
  items.reduce((sum, item) => sum + (item instanceof Uint8Array ? item.length : 0), 0);
