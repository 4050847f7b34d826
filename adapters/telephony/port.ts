/**
 * The port of telephony-gateway. Glossary: a *leg* is one phone connected to one gateway, in either direction; its *holder* is the process
 * that owns the connection; *audio* is G.711 μ-law, 8 kHz, mono (8,000 bytes per second), and a *frame* lasts 20 ms (160 bytes).
 */
import type { z } from 'zod';
import type { CallOutcome } from '../../contracts/crm.ts';
import type { Effect, OutputOf, PayloadOf } from '../../contracts/kit/define.ts';
import type { HangUpCause, RejectCause, telephony } from '../../contracts/telephony.ts';
import type { Queries } from '../deps.ts';

export type LegOutcome = z.output<typeof CallOutcome>;
export type LegChange = PayloadOf<typeof telephony.leg_changed>;
export type Cause = z.output<typeof HangUpCause>;
export type TrunkState = OutputOf<typeof telephony.list_trunks>['trunks'][number];

export interface DueChanges {
  /** Oldest first; in order for each leg. */
  readonly changes: readonly LegChange[];
  /** Unix ms of the next predictable change; null without active legs. */
  readonly nextAt: number | null;
}
/** Legs without a holder, whose changes are pulled. */
export interface Legs {
  /**
   * Takes the changes of at most `limit` legs up to `now` (Unix ms) within `tx`. Each change is taken once, by any process, when `tx`
   * commits.
   */
  due(tx: Queries, now: number, limit: number): Promise<DueChanges>;
  /** Ids of at most `limit` legs that have not ended. */
  live(limit: number): Promise<readonly string[]>;
  /** Deletes legs that ended before this time, Unix ms. */
  forget(before: number): Promise<void>;
}

/** Reports from a phone other than its audio. */
export type MediaFact =
  /** A chunk or mark was played to its end, or dropped after this many ms. */
  | { readonly played: string; readonly ms: number }
  /** A key was pressed. */
  | { readonly dtmf: string }
  | { readonly speech: 'started' | 'stopped' }
  /** Frames that the network lost since the last report. */
  | { readonly lost: number }
  | { readonly rttMs: number }
  /** How much later the jitter buffer makes frames arrive. Reported when it changes, and once per second. */
  | { readonly delayMs: number }
  | { readonly held: boolean };
export interface MediaListener {
  /** Called in order for each frame from the phone; must not block. */
  frame(audio: Uint8Array): void;
  fact(fact: MediaFact): void;
}
export interface LegRecording {
  /** While paused, both sides are recorded as silence. */
  pause(isPaused: boolean): void;
  /** Resolves when nothing more will be written. `error` is set if the recording ended early. */
  readonly done: Promise<{ readonly ms: number; readonly error: string | null }>;
}
export interface LegMedia {
  /**
   * Queues 20 ms to 1 s of audio on the playout clock. The fact `played` follows once it has been played or dropped. On hold everything is
   * dropped, so that a resumed leg plays nothing stale.
   */
  play(chunk: { readonly id: string; readonly audio: Uint8Array }): void;
  /** Drops queued audio. */
  clear(): void;
  /** Requests the fact `played` for the time when everything queued so far has been played or dropped. */
  mark(id: string): void;
  /**
   * Records both sides to a local stereo WAV file, the person at the phone on the left and this system on the right, until the leg ends.
   * Absent if the gateway cannot record.
   */
  record?(file: string): LegRecording;
  /** Returns a function that stops listening. */
  listen(listener: MediaListener): () => void;
}
export interface Leg {
  readonly legId: string;
  readonly callId: string;
  readonly direction: 'in' | 'out';
  readonly from: string | null;
  readonly to: string | null;
  readonly media: LegMedia;
  answer(signal: AbortSignal): Promise<void>;
  reject(cause: z.output<typeof RejectCause>, signal: AbortSignal): Promise<void>;
  /** No effect on a leg that has ended. */
  hangUp(signal: AbortSignal): Promise<void>;
  hold(signal: AbortSignal): Promise<void>;
  resume(signal: AbortSignal): Promise<void>;
  /** @throws PolybError unimplemented if the other side cannot. */
  transfer(to: string, signal: AbortSignal): Promise<void>;
  /** Lets the people of both legs hear each other; null disconnects them. Queued audio is dropped. */
  connect(other: Leg | null): void;
  sendDtmf(digits: string): void;
}
/** A signalling message of a call, without numbers, names and credentials. */
export interface SignallingMessage {
  readonly legId: string;
  /** Unix ms. */
  readonly at: number;
  readonly isSent: boolean;
  readonly protocol: string;
  /** Address and port of the peer. */
  readonly peer: string;
  /** A short description. */
  readonly label: string;
  /** At most 4,000 characters. */
  readonly text: string;
}
/** Reports from a gateway with held legs to the service. */
export interface LegHost {
  /**
   * Stores the leg and serves its methods. Await it before anything is sent to the phone. Resolves to false if a leg with this reference
   * exists.
   * @param ref of the effect; for an inbound leg its id
   */
  hold(leg: Pick<Leg, 'legId' | 'callId' | 'direction' | 'from' | 'to'>, ref: string): Promise<boolean>;
  /** Removes a leg for which nothing was sent to the phone; its reference may be used again. */
  release(legId: string): Promise<void>;
  /** Logs a failure that no caller waits for. */
  failed(thrown: unknown): void;
  /** The id of the leg with this reference. */
  find(ref: string): Promise<string | null>;
  /** Stores plain data that lets another process end the leg if this one dies; it is passed to `abandon`. */
  save(legId: string, dialog: unknown): Promise<void>;
  /** The data with these fields that any instance has saved for a leg that is alive or has just ended; null if there is none. */
  saved(fields: Readonly<Record<string, string>>): Promise<unknown>;
  /** Stores messages for operators to read. Absent: messages are not kept. */
  traced?(messages: readonly SignallingMessage[]): Promise<void>;
  /** Reports a change; in order for each leg. */
  changed(change: LegChange): void;
  /** Reports that an inbound leg is ringing. */
  offered(leg: Leg): void;
  /** Called in the same tick in which the answer is sent or received. */
  answered(leg: Leg): void;
}
export interface LegServer {
  /** Refuses new legs and resolves when the last leg has ended. */
  drain(signal: AbortSignal): Promise<void>;
  /** Ends all legs. */
  close(): Promise<void>;
}
export interface Telephony {
  readonly dial: Effect<typeof telephony.dial>;
  /** False when the gateway does not report how a call ends. */
  readonly reportsEnd: boolean;
  /** True when no phone rings. */
  readonly isSimulated?: boolean;
  /** Ends a leg without a holder; no effect on one that has ended. @throws PolybError not_found, or unimplemented if the gateway cannot. */
  hangUp(legId: string, signal: AbortSignal): Promise<void>;
  /**
   * Transfers an answered call without a holder to another phone. @throws PolybError not_found, failed_precondition/not_answered, or
   * unimplemented if the gateway cannot.
   */
  transfer(legId: string, to: string, signal: AbortSignal): Promise<void>;
  /** Absent if there is nothing to pull. */
  readonly legs?: Legs;
  /** Begins to listen. Present if the gateway holds legs, which carry media. */
  start?(host: LegHost): Promise<LegServer>;
  /** Ends the phone's side of a leg whose holder died. @param dialog the data saved last, or null */
  abandon?(legId: string, dialog: unknown, signal: AbortSignal): Promise<void>;
  /** A leg that this process holds. */
  leg?(legId: string): Leg | undefined;
  /** Connects two held legs, or parts them; absent: the legs do it themselves. */
  connect?(one: Leg, other: Leg): void;
  part?(one: Leg, other: Leg): void;
  trunks?(): readonly TrunkState[];
}
