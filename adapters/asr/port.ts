/** The port of ears. Audio is G.711 μ-law, 8 kHz, mono; times are milliseconds of the audio that was given. */

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
  /** Empty if the provider reports none. */
  readonly words: readonly Word[];
  readonly startMs: number;
  readonly endMs: number;
  /** Which of several ears heard it. */
  readonly provider?: string;
  /** How sure the provider is that the speaker has finished after it, 0 to 1; absent if it does not judge. */
  readonly endOfTurn?: number;
}
export type HeardItem =
  | { readonly kind: 'partial'; readonly text: string }
  | Final
  | { readonly kind: 'finalized' }
  /** The provider answers, and has no words to report. */
  | { readonly kind: 'alive' };
/** Audio, or the request for the finals of what was given. */
export type SpokenItem = Uint8Array | { readonly finalize: true };

export interface HearOptions {
  /** BCP 47, `ru-RU`. */
  readonly language: string;
  /** Likely phrases. An ear with a closed vocabulary hears them instead of its own. */
  readonly hints: readonly string[];
}
export interface Ear {
  readonly provider: string;
  /** BCP 47 without a country; empty: any. */
  readonly languages: readonly string[];
  readonly vocabulary: 'open' | 'closed';
  readonly hasWordTimes: boolean;
  /** What it cannot do, in a sentence. */
  readonly limits: string | null;
  /** It reports partials, or that it is alive, at least once a second of speech: its silence is a fault. */
  readonly answersSpeech?: true;
  /**
   * Hears until `spoken` ends. Each `finalize` is answered by the finals of the audio before it, if there are any, and `finalized`.
   * @throws PolybError unavailable; failed_precondition/no_vocabulary where a closed vocabulary has nothing in the language
   */
  hear(spoken: AsyncIterable<SpokenItem>, options: HearOptions, signal: AbortSignal): AsyncIterable<HeardItem>;
  /** A whole recording, as its finals. @throws as `hear` */
  recognize(recording: Uint8Array, options: HearOptions, signal: AbortSignal): Promise<readonly Final[]>;
  /** Ends when the provider works; an ear without it is given silence. @throws PolybError */
  probe?(signal: AbortSignal): Promise<void>;
  close?(): Promise<void>;
}
