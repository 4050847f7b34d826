import type { MediaFact, MediaListener } from './port.ts';

/** Who hears a phone. One who fails hears no more, and harms no other. */
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
