/** The playout clock of a leg whose gateway buffers audio. Little is sent ahead, so that drops are exact. */
import { bytesPerMs, frameBytes, silentByte } from './audio-format.ts';

/** Audio sent in one message; a multiple of 20 ms. */
const pieceMs = 100;
/** Without a confirmation the audio counts as played after this time. */
const confirmMs = 1_000;

export interface PlayoutParts {
  /** Monotonic clock, ms. */
  readonly now: () => number;
  /** How much audio the gateway may hold, ms; at most 1,000 keeps `clear` exact. */
  readonly aheadMs: number;
  /** Sends audio, a multiple of 20 ms and at most 100 ms. */
  readonly send: (audio: Uint8Array) => void;
  /** Asks the gateway to drop its buffer. */
  readonly drop: () => void;
  /** Called when a chunk or mark has been played to its end, or was dropped after `ms`. */
  readonly played: (id: string, ms: number) => void;
  /** Asks the gateway to confirm that it has played everything sent; `confirm` follows. Absent: only the clock decides. */
  readonly ask?: (id: string) => void;
}
export interface Playout {
  play(chunk: { readonly id: string; readonly audio: Uint8Array }): void;
  mark(id: string): void;
  clear(): void;
  /** The gateway has played everything up to this id. */
  confirm(id: string): void;
  /** The gateway's buffer is full, or has room again. */
  pause(isPaused: boolean): void;
  /** Sends nothing more; unplayed audio counts as dropped. */
  close(): void;
}
interface Item {
  readonly id: string;
  readonly audio: Uint8Array;
  sentBytes: number;
  /** When its first byte is heard; null until it is sent. */
  startAt: number | null;
  isAsked: boolean;
}

export function playout({ now, aheadMs, send, drop, played, ask }: PlayoutParts): Playout {
  let items: Item[] = [];
  /** When all audio sent so far will have been heard. */
  let heardAt = 0;
  let isPaused = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const lengthMs = ({ audio }: Item): number => audio.length / bytesPerMs;
  const isSent = ({ audio, sentBytes, startAt }: Item): boolean => startAt !== null && sentBytes >= audio.length;
  const endAt = (item: Item): number => (item.startAt ?? Number.POSITIVE_INFINITY) + lengthMs(item);

  function sendAhead(at: number): void {
    for (const item of items) {
      if (isPaused) return;
      while (!isSent(item)) {
        if (heardAt - at >= aheadMs) return;
        heardAt = Math.max(heardAt, at);
        item.startAt ??= heardAt;
        const piece = item.audio.subarray(item.sentBytes, item.sentBytes + pieceMs * bytesPerMs);
        item.sentBytes += piece.length;
        if (piece.length > 0) send(wholeFrames(piece));
        heardAt += piece.length / bytesPerMs;
      }
      if (ask !== undefined && !item.isAsked) {
        item.isAsked = true;
        ask(item.id);
      }
    }
  }
  function settle(at: number): void {
    const patienceMs = ask === undefined ? 0 : confirmMs;
    for (let first = items[0]; first !== undefined && isSent(first) && endAt(first) + patienceMs <= at; first = items[0]) {
      items.shift();
      played(first.id, lengthMs(first));
    }
  }
  function turn(): void {
    clearTimeout(timer);
    timer = undefined;
    if (isClosed) return;
    const at = now();
    settle(at);
    sendAhead(at);
    const [first] = items;
    if (first === undefined) return;
    const hasUnsent = !isPaused && items.some((item) => !isSent(item));
    const nextAt = Math.min(
      hasUnsent ? heardAt - aheadMs + pieceMs : Number.POSITIVE_INFINITY,
      endAt(first) + (ask === undefined ? 0 : confirmMs),
    );
    if (Number.isFinite(nextAt)) timer = setTimeout(turn, Math.max(1, nextAt - at));
  }
  function add(id: string, audio: Uint8Array): void {
    if (isClosed) {
      played(id, 0);
      return;
    }
    items.push({ id, audio, sentBytes: 0, startAt: null, isAsked: false });
    turn();
  }
  function dropAll(): void {
    const at = now();
    const dropped = items;
    items = [];
    heardAt = at;
    for (const item of dropped) played(item.id, item.startAt === null ? 0 : Math.min(Math.max(0, at - item.startAt), lengthMs(item)));
  }
  return {
    play: ({ id, audio }) => add(id, audio),
    mark: (id) => add(id, new Uint8Array(0)),
    clear() {
      const isBuffered = items.some(({ startAt }) => startAt !== null);
      dropAll();
      if (isBuffered) drop();
      turn();
    },
    confirm(id) {
      const count = items.findIndex((item) => item.id === id && item.isAsked) + 1;
      for (const item of items.splice(0, count)) played(item.id, lengthMs(item));
      turn();
    },
    pause(paused) {
      isPaused = paused;
      turn();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      dropAll();
    },
  };
}

function wholeFrames(audio: Uint8Array): Uint8Array {
  const bytes = Math.ceil(audio.length / frameBytes) * frameBytes;
  if (bytes === audio.length) return audio;
  const padded = new Uint8Array(bytes).fill(silentByte);
  padded.set(audio);
  return padded;
}
