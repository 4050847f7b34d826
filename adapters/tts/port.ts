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
