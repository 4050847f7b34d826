import { PolybError } from '../../contracts/kit/errors.ts';
import type { SpeechItem, Tts } from './port.ts';
import { streamOf } from './streamed.ts';

/** Runs a request and records its outcome; a cancelled one counts as neither success nor failure. */
interface Dependency {
  watch<T>(request: () => Promise<T>): Promise<T>;
}

/** Records the outcome of each text, so that health reports whether the provider speaks. */
export function watchedTts(tts: Tts, outside: Dependency): Required<Tts> {
  return {
    speak: (speak, signal) => outside.watch(() => tts.speak(speak, signal)),
    async *stream(speak, signal): AsyncGenerator<SpeechItem> {
      const end = Promise.withResolvers<void>();
      outside.watch(() => end.promise).catch(() => {}); // The iteration throws the error.
      try {
        yield* streamOf(tts, speak, signal);
        end.resolve();
      } catch (error) {
        end.reject(error);
        throw error;
      } finally {
        end.reject(new PolybError('cancelled', 'The listener left.'));
      }
    },
  };
}
