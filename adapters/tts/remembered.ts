import type { Speak, Tts } from './port.ts';

/** About two hours of speech. */
const maxBytes = 64 << 20;
/** How long a voice may take for a phrase. */
const speakMs = 20_000;

/** Speaks each phrase once: phrases are kept, the most recently used ones longest. Callers who want one at a time share it. */
export function remembered(tts: Tts): Tts {
  const kept = new Map<string, Uint8Array>();
  const speaking = new Map<string, Promise<Uint8Array>>();
  let bytes = 0;
  function keep(key: string, audio: Uint8Array): void {
    kept.set(key, audio);
    bytes += audio.length;
    for (const [oldest, { length }] of kept) {
      if (bytes <= maxBytes) return;
      kept.delete(oldest);
      bytes -= length;
    }
  }
  return {
    async speak(speak, signal) {
      const key = keyOf(speak);
      const known = kept.get(key);
      if (known !== undefined) {
        kept.delete(key);
        kept.set(key, known);
        return known;
      }
      let made = speaking.get(key);
      if (made === undefined) {
        // Its own time limit: whoever asked first may leave.
        made = tts.speak(speak, AbortSignal.timeout(speakMs)).finally(() => speaking.delete(key));
        made.then((audio) => keep(key, audio)).catch(() => {}); // the callers learn of it
        speaking.set(key, made);
      }
      return await until(made, signal);
    },
  };
}

const keyOf = ({ text, language, voice }: Speak): string => JSON.stringify([text, language, voice ?? null]);

function until<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
