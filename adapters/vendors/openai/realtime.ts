/**
 * OpenAI's Realtime API (GA): it accepts G.711 directly. Source: OpenAI API reference, Realtime. The SDK connects over TLS only, a local
 * server has none.
 */
import { pcmu } from '../../realtime/audio-forms.ts';
import type { SpeechModel } from '../../realtime/port.ts';
import { openSession, type Wire } from '../../realtime/session.ts';

export interface OpenAiRealtimeOptions {
  readonly apiKey: string;
  /** `wss://api.openai.com/v1/realtime` */
  readonly url: string;
  readonly model: string;
  readonly voice: string;
  /** The model that transcribes the customer. */
  readonly transcriptionModel: string;
  readonly silentMs: number;
}

export function openAiRealtime(options: OpenAiRealtimeOptions): SpeechModel {
  return {
    provider: 'openai',
    open: (setup, signal) => openSession(wireOf(options, { model: options.model }), setup, signal),
  };
}
/** @param query `model` for a new session, `call_id` for a call */
export function wireOf(
  { apiKey, url, voice, transcriptionModel, silentMs }: OpenAiRealtimeOptions,
  query: Readonly<Record<string, string>>,
): Wire {
  return {
    ...{ provider: 'openai', audio: pcmu, voice, silentMs },
    url: `${url}?${new URLSearchParams(query)}`,
    headers: { authorization: `Bearer ${apiKey}` },
    transcription: { model: transcriptionModel },
  };
}
