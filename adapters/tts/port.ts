/** The port of voices. Audio is G.711 μ-law, 8 kHz, mono. */

export interface Speak {
  readonly text: string;
  /** BCP 47, `ru-RU`. */
  readonly language: string;
  /** A voice of the provider; default: the default voice of the language. */
  readonly voice?: string | undefined;
}
/** When a word is spoken, in milliseconds from the beginning of the text. */
export interface SpokenWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}
/** Which voice speaks. */
export interface SpokenBy {
  readonly provider: string;
  readonly voice: string;
}
/**
 * The next piece of audio; words in order, which may come before or after their audio; or, with several providers, the voice that speaks
 * from here on.
 */
export type SpeechItem = Uint8Array | { readonly words: readonly SpokenWord[] } | { readonly by: SpokenBy };
export interface Tts {
  /** Speaks the whole text. @throws PolybError unavailable if no voice can speak now */
  speak(speak: Speak, signal: AbortSignal): Promise<Uint8Array>;
  /** The same as a stream, while the speech is made. Absent if the voice makes only whole texts. @throws as `speak` */
  stream?(speak: Speak, signal: AbortSignal): AsyncIterable<SpeechItem>;
}
export interface Voice {
  /** The provider's name for the voice. */
  readonly voice: string;
  /** BCP 47. */
  readonly language: string;
  readonly gender: 'female' | 'male' | null;
  /** With several providers, the one that has the voice. */
  readonly provider?: string;
}
/** A provider of voices. */
export interface TtsProvider extends Tts {
  readonly provider: string;
  /** Voices of a language, its default first; without one, the default voice of each language. @throws PolybError unavailable */
  voices(language: string | undefined, signal: AbortSignal): Promise<readonly Voice[]>;
}
