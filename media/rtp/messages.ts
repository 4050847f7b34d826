/** Messages between the main thread and the worker. */
import type { DigitSource } from './digits.ts';
import type { MediaFact, MediaStats, Negotiated } from './media.ts';
import type { Lateness } from './pacer.ts';
import type { PauseFill } from './recorder.ts';

/** An order about one session, by its number. */
export type Order = { readonly session: number } & (
  | { readonly do: 'open'; readonly cname: string }
  | { readonly do: 'configure'; readonly negotiated: Negotiated }
  | { readonly do: 'play'; readonly id: string; readonly audio: Uint8Array }
  | { readonly do: 'clear' }
  | { readonly do: 'mark'; readonly id: string }
  | { readonly do: 'dtmf'; readonly digits: string }
  | { readonly do: 'digit'; readonly digit: string; readonly by: DigitSource }
  | { readonly do: 'connect'; readonly other: number | null }
  | { readonly do: 'record'; readonly file: string | null }
  | { readonly do: 'pause'; readonly on: boolean; readonly fill: PauseFill }
  | { readonly do: 'stats' }
  | { readonly do: 'close' }
);
/** An order about the thread. */
export type Question = { readonly do: 'worker_stats' };

export interface WorkerStats {
  readonly sessions: number;
  /** How late the clock of the sessions has been since the last call. */
  readonly lateness: Lateness;
  /** Frames that were dropped because the main thread was too far behind. */
  readonly droppedFrames: number;
  readonly heapBytes: number;
}

/** The frames of all sessions in one tick, in one buffer, and their facts. */
export interface Batch {
  /** Repeated: number of the session (4 bytes), length (2 bytes), audio. */
  readonly frames: Uint8Array<ArrayBuffer> | null;
  readonly facts: readonly (readonly [session: number, fact: MediaFact])[];
}
export type Report =
  | ({ readonly report: 'batch' } & Batch)
  | { readonly report: 'opened'; readonly session: number; readonly port: number }
  | { readonly report: 'refused'; readonly session: number; readonly message: string; readonly code: string | null }
  | { readonly report: 'stats'; readonly session: number; readonly stats: MediaStats }
  | { readonly report: 'closed'; readonly session: number }
  | { readonly report: 'worker_stats'; readonly stats: WorkerStats };

export const frameHeaderBytes = 6;
/** How many batches the main thread may be behind (ten seconds); beyond that, frames are dropped. */
export const mostBatchesBehind = 5_000;
