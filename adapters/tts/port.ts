/** The port of voices. */

export interface Speak {
  readonly text: string;
  /** BCP 47, `ru-RU`. */
  readonly language: string;
  /** A voice of the provider; without it, that of the language. */
  readonly voice?: string | undefined;
}
export interface Tts {
  /** The text as audio of a phone: G.711 μ-law, 8 kHz, mono. @throws PolybError unavailable if no voice can speak now */
  speak(speak: Speak, signal: AbortSignal): Promise<Uint8Array>;
}
export interface Voice {
  /** The provider's name of it. */
  readonly voice: string;
  /** BCP 47. */
  readonly language: string;
  readonly gender: 'female' | 'male' | null;
}
/** A provider of voices. */
export interface TtsProvider extends Tts {
  readonly provider: string;
  /** Voices of a language, its default first; without one, the default voice of each language. @throws PolybError unavailable */
  voices(language: string | undefined, signal: AbortSignal): Promise<readonly Voice[]>;
}
