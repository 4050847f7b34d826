/**
 * The port of speech models, which hear a customer and speak themselves. Audio is G.711 μ-law, 8 kHz, mono, in both directions.
 *
 * Glossary: an *item* is one utterance of a side, as the provider names it; an *answer* is what the model says and calls at one request.
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
/** Who finds the end of what the customer says: the caller of the port, or the provider by silence or by meaning. */
export type SpeechTurns = 'own' | 'server_vad' | 'semantic_vad';
export interface SpokenBefore {
  readonly who: 'customer' | 'agent';
  readonly text: string;
}
export interface SpeechOptions extends SpeechSetup {
  /** BCP 47, `ru-RU`. */
  readonly language: string;
  /** A voice of the provider; without it, that of the settings. */
  readonly voice?: string | undefined;
  readonly turns: SpeechTurns;
  /** What was said before, oldest first, as it was heard. */
  readonly history: readonly SpokenBefore[];
}
export interface SpeechCall {
  readonly callId: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}
export type SpeechEvent =
  /** Only where the provider finds turns. @param atMs of the audio that was given @param at Unix ms, where the provider has a clock of its own */
  | { readonly kind: 'speech_started'; readonly item: string; readonly atMs: number; readonly at?: number }
  | { readonly kind: 'speech_stopped'; readonly item: string; readonly atMs: number; readonly at?: number }
  /** What was heard is an item now. Null from a provider that does not name it. */
  | { readonly kind: 'committed'; readonly item: string | null }
  /** What the customer said in an item: a piece, or the whole, which is empty where nothing was understood. */
  | { readonly kind: 'words'; readonly item: string; readonly text: string; readonly isFinal: boolean }
  | { readonly kind: 'answering'; readonly answer: string }
  | { readonly kind: 'audio'; readonly answer: string; readonly item: string; readonly pcmu: Uint8Array }
  /** A piece of the text. @param hasAudio false where the model writes instead of speaking */
  | { readonly kind: 'text'; readonly answer: string; readonly item: string; readonly text: string; readonly hasAudio: boolean }
  /** No more of the item follows. */
  | { readonly kind: 'said'; readonly answer: string; readonly item: string }
  | {
      readonly kind: 'answered';
      readonly answer: string;
      readonly outcome: 'completed' | 'cancelled' | 'incomplete' | 'failed';
      readonly calls: readonly SpeechCall[];
    }
  | { readonly kind: 'key'; readonly key: string }
  /** Where the provider has the audio: the customer begins to hear the answer. */
  | { readonly kind: 'playing'; readonly answer: string; readonly at?: number }
  /** Where the provider has the audio: the customer has heard the answer to its end, or until they interrupted it. */
  | { readonly kind: 'heard'; readonly answer: string; readonly isWhole: boolean; readonly at?: number }
  /** The provider refused a request; the session goes on. */
  | { readonly kind: 'refused'; readonly code: string };

export interface SpeechSession {
  /** Iterated once; ends when the session was closed. @throws PolybError when it breaks off, or is silent while an answer is due */
  readonly events: AsyncIterable<SpeechEvent>;
  /** Audio of the customer. */
  hear(pcmu: Uint8Array): void;
  /** Where the caller finds turns: what was heard becomes an item. */
  commit(): void;
  /** Drops what was heard and is no item. */
  forget(): void;
  /** Requests an answer; while one is under way, the next one after it. */
  answer(): void;
  /** Ends the answer that is under way or requested, if there is one: no event of it follows. */
  cancel(): void;
  /** The customer heard so much of an item of the model; of nothing, the item is deleted. */
  truncate(item: string, heardMs: number): void;
  /** Text in the conversation, which is not spoken. */
  note(who: SpokenBefore['who'] | 'system', text: string): void;
  /** The result of a call, as JSON. */
  result(callId: string, output: string): void;
  update(setup: SpeechSetup): void;
  close(): void;
}
export interface SpeechModel {
  /** `openai` */
  readonly provider: string;
  /** Calls that the provider takes over SIP by itself. */
  readonly sip?: SipCalls | undefined;
  /** @throws PolybError unavailable, deadline_exceeded, resource_exhausted, failed_precondition/upstream_credentials, upstream_failed */
  open(options: SpeechOptions, signal: AbortSignal): Promise<SpeechSession>;
}

/** The session of a call whose audio the provider has. */
export type SipSession = Pick<SpeechSession, 'events' | 'answer' | 'note' | 'result' | 'update' | 'close'>;
/** A call that waits at a provider, which speaks SIP with the carrier itself. */
export interface WaitingSipCall {
  /** As the adapter names it: a provider may have several interfaces for calls. */
  readonly callId: string;
  /** The same in every delivery about one call. */
  readonly ref: string;
  /** The called number, as the caller wrote it; empty if there is none. */
  readonly line: string;
  readonly phoneNumber: string | null;
}
export interface SipCalls {
  /** `openai` */
  readonly provider: string;
  /** @returns null for a delivery about anything else. @throws PolybError permission_denied/bad_signature, invalid_argument/bad_delivery */
  read(delivery: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }): WaitingSipCall | null;
  accept(callId: string, options: SpeechOptions, signal: AbortSignal): Promise<void>;
  /** The session of a call that was accepted. @throws PolybError failed_precondition/upstream_refused when the call is over */
  attach(callId: string, options: SpeechOptions, signal: AbortSignal): Promise<SipSession>;
  /** @param targetUri `tel:+79995550000` or `sip:…` */
  refer(callId: string, targetUri: string, signal: AbortSignal): Promise<void>;
  reject(callId: string, status: number, signal: AbortSignal): Promise<void>;
  hangUp(callId: string, signal: AbortSignal): Promise<void>;
}
