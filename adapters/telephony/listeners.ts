import type { MediaFact, MediaListener } from './port.ts';

/** The listeners of a phone. One that throws is removed, without effect on the others. */
export interface MediaListeners extends MediaListener {
  add(listener: MediaListener): () => void;
}

export function mediaListeners(onFailure: (thrown: unknown) => void): MediaListeners {
  const all = new Set<MediaListener>();
  const each = (call: (listener: MediaListener) => void): void => {
    for (const listener of all)
      try {
        call(listener);
      } catch (thrown) {
        all.delete(listener);
        onFailure(thrown);
      }
  };
  return {
    add(listener) {
      all.add(listener);
      return () => void all.delete(listener);
    },
    frame: (audio: Uint8Array) => each((listener) => listener.frame(audio)),
    fact: (fact: MediaFact) => each((listener) => listener.fact(fact)),
  };
}
