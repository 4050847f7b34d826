/**
 * Recognition of short audio by API v1 of Yandex SpeechKit: one HTTPS request per utterance, for networks without gRPC. Source:
 * yandex.cloud/docs/speechkit, Synchronous recognition API.
 */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { decode, rateHz } from '../../../media/audio/g711.ts';
import { bytesOf } from '../../../media/audio/pcm.ts';
import type { Ear, HearOptions } from '../../asr/port.ts';
import { hearClips, recognizeClips } from '../../asr/utterances.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { authorizationOf, isToken } from './client.ts';
import type { yandexAsrSettings } from './settings.ts';

const Transcript = z.object({ result: z.string().max(20_000) });
/** A request is limited to 30 s and 1 MB, including the audio around the utterance. */
const longestMs = 28_000;
const timeoutMs = 15_000;
/** Silence sent as a probe. */
const probeMs = 500;

export function yandexV1Ear(settings: z.output<typeof yandexAsrSettings>, { http }: Pick<Deps, 'http'>): Ear {
  const { YANDEX_SPEECHKIT_API_KEY: key, YANDEX_SPEECHKIT_FOLDER_ID: folder, YANDEX_SPEECHKIT_ASR_MODEL: topic } = settings;

  async function transcribe(clip: Uint8Array, { language }: Pick<HearOptions, 'language'>, signal: AbortSignal): Promise<string> {
    const query = new URLSearchParams({
      ...{ lang: language, topic, format: 'lpcm', sampleRateHertz: String(rateHz) },
      ...(folder !== undefined && isToken(key) && { folderId: folder }),
    });
    const samples = decode('PCMU', clip);
    const answer = await http({
      method: 'POST',
      url: `${settings.YANDEX_SPEECHKIT_ASR_URL}/speech/v1/stt:recognize?${query}`,
      operation: 'transcribe',
      headers: { Authorization: authorizationOf(key), 'Content-Type': 'application/octet-stream' },
      body: bytesOf(samples),
      signal,
      timeoutMs,
    });
    if (answer.status !== 200) throw httpFailure(answer, 'The recognition of speech by Yandex SpeechKit');
    const heard = Transcript.safeParse(answer.json());
    if (!heard.success)
      throw new PolybError('upstream_failed', 'The reply of Yandex SpeechKit cannot be read.', {
        reason: 'bad_reply',
        cause: heard.error,
      });
    return heard.data.result.trim();
  }
  return {
    provider: 'yandex-v1',
    languages: [],
    vocabulary: 'open',
    hasWordTimes: false,
    limits: 'It hears an utterance after its end, without partial texts, hints and times of words.',
    hear: hearClips(transcribe, longestMs),
    recognize: recognizeClips(transcribe, longestMs),
    async probe(signal) {
      await transcribe(new Uint8Array((probeMs * rateHz) / 1_000).fill(0xff), { language: 'ru-RU' }, signal);
    },
  };
}
