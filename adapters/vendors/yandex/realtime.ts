/**
 * The Realtime API of Yandex AI Studio: OpenAI's events at a different address, with 16-bit samples at a rate set by the session. Source:
 * Yandex AI Studio documentation, Realtime API; tested only with a server of the same events, for lack of an account.
 */
import { pcm } from '../../realtime/audio-forms.ts';
import type { SpeechModel } from '../../realtime/port.ts';
import { openSession } from '../../realtime/session.ts';

export interface YandexRealtimeOptions {
  readonly apiKey: string;
  readonly folderId: string;
  /** `wss://ai.api.cloud.yandex.net/v1/realtime` */
  readonly url: string;
  readonly model: string;
  readonly voice: string | undefined;
  readonly rateHz: number;
  readonly silentMs: number;
}

export function yandexRealtime({ apiKey, folderId, url, model, voice, rateHz, silentMs }: YandexRealtimeOptions): SpeechModel {
  const wire = {
    ...{ provider: 'yandex', audio: pcm(rateHz), voice, silentMs, transcription: {} },
    url: `${url}?${new URLSearchParams({ model: `gpt://${folderId}/${model}` })}`,
    headers: { authorization: apiKey.startsWith('t1.') ? `Bearer ${apiKey}` : `Api-Key ${apiKey}` },
  };
  return { provider: 'yandex', open: (setup, signal) => openSession(wire, setup, signal) };
}
