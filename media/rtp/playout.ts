/** Audio waiting to be sent, in chunks with ids, and how much of each has been sent. */

export interface Played {
  readonly id: string;
  /** How much of the chunk was sent; 0 for a mark. */
  readonly ms: number;
}
export interface Playout {
  /** Queues μ-law audio. A chunk beyond the limit is refused as a whole. */
  play(id: string, audio: Uint8Array): void;
  /** Reports the id once everything before it has been played or dropped. */
  mark(id: string): void;
  /** Drops unplayed audio. */
  clear(): void;
  /** Moves up to `into.length` bytes of audio to `into`; returns how many. */
  take(into: Uint8Array): number;
  queuedMs(): number;
}

const bytesPerMs = 8;
/** Two minutes, or 4,000 chunks and marks. */
const [mostBytes, mostItems] = [120_000 * bytesPerMs, 4_000];

/** Calls `played` once for each chunk, when it has ended or was dropped, and for each mark. */
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
