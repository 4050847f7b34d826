/** Streams of this process that listen to a turn while it runs. */
import { sentences } from './sentences.ts';

export type Heard = { readonly is: 'tool'; readonly name: string } | { readonly is: 'sentence'; readonly text: string };
/** Whether a sentence of the model may be spoken. */
export type MayBeSaid = (sentence: string) => boolean;

export interface Streams {
  readonly onTool: (turnId: string, name: string) => void;
  /** Before each answer of the model. */
  readonly onStep: (turnId: string, mayBeSaid: MayBeSaid) => void;
  /** Takes the text of an answer as it arrives; undefined if no stream of this process waits for it. */
  readonly heardBy: (turnId: string) => ((text: string) => void) | undefined;
  listen(turnId: string, put: (item: Heard) => void): Disposable;
}
/** By the turn that they wait for. A turn that runs in another process is heard at its end. */
export function streams(): Streams {
  const waiting = new Map<
    string,
    { readonly put: (item: Heard) => void; mayBeSaid: MayBeSaid; step: ReturnType<typeof sentences> | null }
  >();
  return {
    onTool: (turnId, name) => waiting.get(turnId)?.put({ is: 'tool', name }),
    onStep(turnId, mayBeSaid) {
      const it = waiting.get(turnId);
      if (it !== undefined) Object.assign(it, { mayBeSaid, step: sentences() });
    },
    heardBy(turnId) {
      const it = waiting.get(turnId);
      if (it === undefined) return undefined;
      return (text) => {
        for (const sentence of it.step?.add(text) ?? []) {
          // After a sentence that is held back, the rest of the answer waits for the whole.
          if (it.mayBeSaid(sentence)) it.put({ is: 'sentence', text: sentence });
          else it.step = null;
          if (it.step === null) return;
        }
      };
    },
    listen(turnId, put) {
      waiting.set(turnId, { put, mayBeSaid: () => false, step: null });
      return { [Symbol.dispose]: () => void waiting.delete(turnId) };
    },
  };
}
