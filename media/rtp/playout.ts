/** Audio that waits to be sent, in chunks with ids, and the clock that says how much of each was. */

export interface Played {
  readonly id: string;
  /** How much of the chunk was sent; 0 for a mark. */
  readonly ms: number;
}
export interface Playout {
  /** Queues μ-law audio. A chunk beyond the limit is refused: nothing of it is played. */
  play(id: string, audio: Uint8Array): void;
  /** Reports itself once everything before it was played or dropped. */
  mark(id: string): void;
  /** Drops what was not played. */
  clear(): void;
  /** Moves up to `into.length` bytes of audio into `into`; how many. */
  take(into: Uint8Array): number;
  queuedMs(): number;
}

const bytesPerMs = 8;
/** Two minutes, or 4,000 chunks and marks. */
const [mostBytes, mostItems] = [120_000 * bytesPerMs, 4_000];

/** `played` is called for each chunk once, when it has ended or was dropped, and for each mark. */
export function createPlayout(played: (played: Played) => void): Playout {
  let items: { readonly id: string; readonly audio: Uint8Array; at: number }[] = [];
  let queued = 0;
  const end = ({ id, at }: { readonly id: string; readonly at: number }) => played({ id, ms: Math.round(at / bytesPerMs) });
  const settle = () => {
    while (items[0] !== undefined && items[0].at === items[0].audio.length) end(items.shift() as (typeof items)[number]);
  };
  const add = (id: string, audio: Uint8Array) => {
    if (queued + audio.length > mostBytes || items.length >= mostItems) return played({ id, ms: 0 });
    queued += audio.length;
    items.push({ id, audio, at: 0 });
    settle();
  };
  return {
    play: add,
    mark: (id) => add(id, new Uint8Array(0)),
    clear() {
      const dropped = items;
      [items, queued] = [[], 0];
      for (const item of dropped) end(item);
    },
    take(into) {
      let taken = 0;
      for (const item of items) {
        if (taken === into.length) break;
        const part = item.audio.subarray(item.at, item.at + into.length - taken);
        into.set(part, taken);
        item.at += part.length;
        taken += part.length;
      }
      queued -= taken;
      if (taken > 0) settle();
      return taken;
    },
    queuedMs: () => queued / bytesPerMs,
  };
}
