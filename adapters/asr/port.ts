/** The port of ears. Audio is G.711 μ-law, 8 kHz, mono; times are milliseconds of the input audio. */
import type { z } from 'zod';
import type { Expected } from '../../contracts/dialog.ts';

export interface Word {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly confidence: number | null;
}
export interface Final {
  readonly kind: 'final';
  /** Not empty. */
  readonly text: string;
  readonly confidence: number | null;
  /** Empty if the provider does not report words. */
  readonly words: readonly Word[];
  readonly startMs: number;
  readonly endMs: number;
  /** With several ears, the one that heard it. */
  readonly provider?: string;
  /** How sure the provider is that the speaker has finished after it, 0 to 1; absent if it does not judge. */
  readonly endOfTurn?: number;
}
export type HeardItem =
  /** @param endOfTurn see `Final`; present when the provider expects the end of the turn, and 0 when the speaker goes on after all */
  | { readonly kind: 'partial'; readonly text: string; readonly endOfTurn?: number }
  | Final
  | { readonly kind: 'finalized' }
  /** The provider is alive but has no words to report. */
  | { readonly kind: 'alive' }
  /** Another ear, or another session, hears the audio after the last final again, so its words come late. */
  | { readonly kind: 'starts_over' };
/** Audio, or a request for the finals of the audio so far. */
export type SpokenItem = Uint8Array | { readonly finalize: true };

/** What a speaker is likely to say, as in `expects` of the dialog. */
export type Expectation = z.infer<typeof Expected>;
export interface HearOptions {
  /** BCP 47, `ru-RU`. */
  readonly language: string;
  /** Expected phrases. They replace the vocabulary of an ear with a closed one. */
  readonly hints: readonly string[];
  /** What the speaker is likely to say now; empty: anything. It changes during a stream, so read it for each utterance. */
  readonly expects?: () => readonly Expectation[];
}
export interface Ear {
  readonly provider: string;
  /** BCP 47 without a country; empty: any. */
  readonly languages: readonly string[];
  readonly vocabulary: 'open' | 'closed';
  readonly hasWordTimes: boolean;
  /** Its limitations, in a sentence. */
  readonly limits: string | null;
  /** It reports partials, or that it is alive, at least once per second of speech, so silence is a fault. */
  readonly answersSpeech?: true;
  /**
   * Transcribes until `spoken` ends. Each `finalize` is followed by the finals of the audio before it, if any, and `finalized`.
   * @throws PolybError unavailable; failed_precondition/no_vocabulary where a closed vocabulary has nothing in the language
   */
  hear(spoken: AsyncIterable<SpokenItem>, options: HearOptions, signal: AbortSignal): AsyncIterable<HeardItem>;
  /** The finals of a whole recording. @throws as `hear` */
  recognize(recording: Uint8Array, options: HearOptions, signal: AbortSignal): Promise<readonly Final[]>;
  /** Resolves if the provider works. Without it, silence is sent as the probe. @throws PolybError */
  probe?(signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}
