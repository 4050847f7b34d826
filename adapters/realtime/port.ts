/**
 * The port of speech models, which listen and speak to a customer. Audio is G.711 μ-law, 8 kHz, mono, in both directions.
 *
 * Glossary: an *item* is one utterance of a side, by the provider's id; an *answer* is the speech and tool calls of the model for one
 * request.
 */

export interface SpeechTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}
export interface SpeechSetup {
  readonly instructions: string;
  readonly tools: readonly SpeechTool[];
}
/** Who detects the end of a turn: the caller of the port, or the provider by silence or by meaning. */
export type SpeechTurns = 'own' | 'server_vad' | 'semantic_vad';
export interface SpokenBefore {
  readonly who: 'customer' | 'agent';
  readonly text: string;
}
export interface SpeechOptions extends SpeechSetup {
  /** BCP 47, `ru-RU`. */
  readonly language: string;
  /** A voice of the provider; default: the one in the settings. */
  readonly voice?: string | undefined;
  readonly turns: SpeechTurns;
  /** The conversation so far, as it was heard, oldest first. */
  readonly history: readonly SpokenBefore[];
}
export interface SpeechCall {
  readonly callId: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}
export type SpeechEvent =
  /** Only if the provider finds turns. @param atMs in the input audio @param at Unix ms, if the provider reports times */
  | { readonly kind: 'speech_started'; readonly item: string; readonly atMs: number; readonly at?: number }
  | { readonly kind: 'speech_stopped'; readonly item: string; readonly atMs: number; readonly at?: number }
  /** The audio so far has become an item; null if the provider does not name it. */
  | { readonly kind: 'committed'; readonly item: string | null }
  /** The customer's words in an item: a piece, or the whole text, which is empty if nothing was understood. */
  | { readonly kind: 'words'; readonly item: string; readonly text: string; readonly isFinal: boolean }
  | { readonly kind: 'answering'; readonly answer: string }
  | { readonly kind: 'audio'; readonly answer: string; readonly item: string; readonly pcmu: Uint8Array }
  /** A piece of the text. @param hasAudio false if the model writes instead of speaking */
  | { readonly kind: 'text'; readonly answer: string; readonly item: string; readonly text: string; readonly hasAudio: boolean }
  /** The item is complete. */
  | { readonly kind: 'said'; readonly answer: string; readonly item: string }
  | {
      readonly kind: 'answered';
      readonly answer: string;
      readonly outcome: 'completed' | 'cancelled' | 'incomplete' | 'failed';
      readonly calls: readonly SpeechCall[];
    }
  | { readonly kind: 'key'; readonly key: string }
  /** If the provider has the audio: the customer begins to hear the answer. */
  | { readonly kind: 'playing'; readonly answer: string; readonly at?: number }
  /** If the provider has the audio: the customer has heard the answer to its end or interrupted it. */
  | { readonly kind: 'heard'; readonly answer: string; readonly isWhole: boolean; readonly at?: number }
  /** The provider refused a request; the session goes on. */
  | { readonly kind: 'refused'; readonly code: string };

export interface SpeechSession {
  /** Iterated once; ends when the session is closed. @throws PolybError if it breaks off, or is silent while an answer is due */
  readonly events: AsyncIterable<SpeechEvent>;
  /** Sends audio of the customer. */
  hear(pcmu: Uint8Array): void;
  /** If the caller finds turns: makes the audio so far an item. */
  commit(): void;
  /** Drops the audio that has not become an item. */
  forget(): void;
  /** Requests an answer, after the current one if there is one. */
  answer(): void;
  /** Cancels the current or requested answer, if any: no event of it follows. */
  cancel(): void;
  /** Cuts an item of the model to the part that the customer heard; deletes it if that is nothing. */
  truncate(item: string, heardMs: number): void;
  /** Adds text to the conversation without speaking it. */
  note(who: SpokenBefore['who'] | 'system', text: string): void;
  /** Sends the result of a tool call, as JSON. */
  result(callId: string, output: string): void;
  update(setup: SpeechSetup): void;
  close(): void;
}
export interface SpeechModel {
  /** `openai` */
  readonly provider: string;
  /** Calls that the provider takes over SIP itself. */
  readonly sip?: SipCalls | undefined;
  /** @throws PolybError unavailable, deadline_exceeded, resource_exhausted, failed_precondition/upstream_credentials, upstream_failed */
  open(options: SpeechOptions, signal: AbortSignal): Promise<SpeechSession>;
}

/** The session of a call whose audio stays with the provider. */
export type SipSession = Pick<SpeechSession, 'events' | 'answer' | 'note' | 'result' | 'update' | 'close'>;
/** A call waiting at a provider that is connected to the carrier by SIP. */
export interface WaitingSipCall {
  /** The adapter's id of the call, since a provider may have several interfaces for calls. */
  readonly callId: string;
  /** The same in every delivery about one call. */
  readonly ref: string;
  /** The called number as sent by the caller; empty if there is none. */
  readonly line: string;
  readonly phoneNumber: string | null;
}
export interface SipCalls {
  /** `openai` */
  readonly provider: string;
  /** @returns null for a delivery about anything else. @throws PolybError permission_denied/bad_signature, invalid_argument/bad_delivery */
  read(delivery: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }): WaitingSipCall | null;
  accept(callId: string, options: SpeechOptions, signal: AbortSignal): Promise<void>;
  /** Opens the session of an accepted call. @throws PolybError failed_precondition/upstream_refused if the call is over */
  attach(callId: string, options: SpeechOptions, signal: AbortSignal): Promise<SipSession>;
  /** @param targetUri `tel:+79995550000` or `sip:…` */
  refer(callId: string, targetUri: string, signal: AbortSignal): Promise<void>;
  reject(callId: string, status: number, signal: AbortSignal): Promise<void>;
  hangUp(callId: string, signal: AbortSignal): Promise<void>;
}
