import { PolybError } from '../../contracts/kit/errors.ts';
import type { Llm } from './port.ts';

/** Runs a request and notes its outcome; a cancelled one proves nothing. */
interface Dependency {
  watch<T>(request: () => Promise<T>): Promise<T>;
}

/** Records the outcome of each request, so that health reports whether the language model responds. */
export function watchedLlm(llm: Llm, outside: Dependency): Llm {
  return {
    name: llm.name,
    ask: (request) => outside.watch(() => llm.ask(request)),
    answer: (request) => outside.watch(() => llm.answer(request)),
    async *answerStream(request) {
      const end = Promise.withResolvers<void>();
      outside.watch(() => end.promise).catch(() => {}); // The iteration throws the failure.
      try {
        for await (const item of llm.answerStream(request)) {
          if (item.type === 'answer') end.resolve();
          yield item;
        }
      } catch (error) {
        end.reject(error);
        throw error;
      } finally {
        end.reject(new PolybError('cancelled', 'The reader left the answer.'));
      }
    },
  };
}
