/** Dependencies and parameters of a talk, for the dialog and for speech models. */
import type { Bus, Log } from '../../../bus/service.ts';
import type { AnswerVerdict } from '../line/answering.ts';
import type { AnsweredInWords } from './answering-words.ts';
import type { HearingParts } from './hearing.ts';
import type { CompletedTurn, TalkEntry } from './machine.ts';
import type { TalkRules } from './rules.ts';

export interface TalkParts {
  readonly bus: Pick<Bus, 'open' | 'call'>;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  readonly timers?: Timers | undefined;
  readonly rules: TalkRules;
  /** Detects speech; by default libfvad. */
  readonly detector?: HearingParts['detector'] | undefined;
  readonly language: string;
  readonly voice: string | undefined;
  /** Stores an entry of the transcript. */
  readonly note: (entry: TalkEntry) => Promise<void>;
  /** Hands the customer over to a person; false if nobody takes the call. */
  readonly transfer: (signal: AbortSignal) => Promise<boolean>;
  /** Reports a turn whose entries are stored. */
  readonly completed: (turn: CompletedTurn) => Promise<void>;
  /** Called once it is known who has answered. Absent if this system has answered. */
  readonly answered?: ((by: AnsweredInWords | AnswerVerdict) => Promise<void>) | undefined;
}
/** Each returns a function that stops it. */
export interface Timers {
  after(ms: number, act: () => void): () => void;
  every(ms: number, act: () => void): () => void;
}
export interface TalkedCall {
  readonly callId: string;
  readonly legId: string;
  readonly direction: 'in' | 'out';
  /** The customer's phone; null if withheld. */
  readonly phoneNumber: string | null;
}
