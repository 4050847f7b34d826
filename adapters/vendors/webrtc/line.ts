/** Audio to a browser: one frame every 20 ms at absolute times, silence when there is nothing to play. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import { frameBytes, frameMs, silentByte } from '../../telephony/audio-format.ts';
import type { MediaSocket } from '../../telephony/media-server.ts';
import type { Dialect } from '../../telephony/socket-leg.ts';

const silence = new Uint8Array(frameBytes).fill(silentByte);
/** After a pause of the process this many frames are made up for, and the others are left out. */
const lateFramesMost = 10;
/** Audio of another phone that comes faster than it is played is dropped beyond this, so that it is never heard late by more. */
const queuedMost = 60;

export interface LineParts {
  /** Monotonic clock, ms. */
  readonly now: () => number;
  /** A frame of 20 ms; `skipped` frames were left out before it. */
  readonly send: (frame: Uint8Array, skipped: number) => void;
  /** A message of the dialect below. */
  readonly report: (message: string) => void;
  readonly onClosed: () => void;
}
/** Takes audio in whole frames, `drop` and `mark ID`. */
export function pacedLine({ now, send, report, onClosed }: LineParts): MediaSocket {
  let queue: (Uint8Array | string)[] = [];
  let frames = 0;
  let isClosed = false;
  let dueAt = now();
  let timer: NodeJS.Timeout;

  function next(): Uint8Array {
    reachMarks();
    const frame = queue.shift();
    if (frame === undefined || typeof frame === 'string') return silence;
    frames -= 1;
    return frame;
  }
  function reachMarks(): void {
    while (typeof queue[0] === 'string') report(`played ${queue.shift()}`);
  }
  function turn(): void {
    const at = now();
    const skipped = Math.max(0, Math.floor((at - dueAt) / frameMs) - lateFramesMost);
    dueAt += skipped * frameMs;
    for (let first = true; dueAt <= at && !isClosed; first = false, dueAt += frameMs) send(next(), first ? skipped : 0);
    if (!isClosed) timer = setTimeout(turn, Math.max(0, dueAt - now()));
  }
  timer = setTimeout(turn, 0);
  return {
    send(message) {
      if (message === 'drop') {
        queue = [];
        frames = 0;
      } else if (typeof message === 'string') {
        queue.push(message.slice('mark '.length));
        if (frames === 0) reachMarks();
      } else
        for (let at = 0; at < message.length && frames < queuedMost; at += frameBytes) {
          queue.push(message.subarray(at, at + frameBytes));
          frames += 1;
        }
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(timer);
      onClosed();
    },
  };
}

/** The messages between a leg and its line: `ready`, `key 5`, `played ID`; audio is μ-law. */
export const lineDialect: Dialect = {
  audio: (audio) => audio,
  drop: () => 'drop',
  confirm: (id) => `mark ${id}`,
  read(data) {
    if (typeof data !== 'string') return { says: 'audio', audio: data };
    const [says, text = ''] = data.split(/ (.*)/s, 2);
    switch (says) {
      case 'ready':
        return { says };
      case 'key':
        return { says, digit: text };
      case 'played':
        return { says, id: text };
      default:
        throw new PolybError('invalid_argument', `Unknown message ${says}.`);
    }
  },
};
