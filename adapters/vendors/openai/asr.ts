/** The ear of OpenAI, which transcribes whole utterances. Source: platform.openai.com, API reference, Create transcription. */
import { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { decode, rateHz } from '../../../media/audio/g711.ts';
import { wavFile } from '../../../media/audio/wav.ts';
import type { Ear, HearOptions } from '../../asr/port.ts';
import { hearClips, recognizeClips } from '../../asr/utterances.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { multipart } from '../../multipart.ts';
import type { openAiAsrSettings } from './audio-settings.ts';

const Transcript = z.object({ text: z.string().max(1_000_000) });
/** Maximum characters of hints. */
const promptChars = 800;
const clipMs = 15_000;
const recordingMs = 50_000;
/** The limits of a request are 25 MB and 1,500 s. */
const partMs = 600_000;

export function openAiEar(settings: z.output<typeof openAiAsrSettings>, { http }: Pick<Deps, 'http'>): Ear {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: baseUrl, OPENAI_ASR_MODEL: model } = settings;
  const headers = { Authorization: `Bearer ${key}` };
  async function transcribe(clip: Uint8Array, { language, hints }: HearOptions, signal: AbortSignal, timeoutMs = clipMs): Promise<string> {
    const wav = wavFile({ rateHz, channels: 1 }, decode('PCMU', clip));
    const form = await multipart([
      ['file', { bytes: wav, name: 'speech.wav', contentType: 'audio/wav' }],
      ['model', model],
      ['language', language.split('-')[0] ?? language],
      ['response_format', 'json'],
      ...(hints.length === 0 ? [] : [['prompt', hints.join(', ').slice(0, promptChars)] as const]),
    ]);
    const answer = await http({
      method: 'POST',
      url: `${baseUrl}/audio/transcriptions`,
      operation: 'transcribe',
      headers: { ...headers, ...form.headers },
      body: form.body,
      signal,
      timeoutMs,
    });
    if (answer.status !== 200) throw httpFailure(answer, 'The transcription by OpenAI');
    const heard = Transcript.safeParse(answer.json());
    if (!heard.success)
      throw new PolybError('upstream_failed', 'The reply of OpenAI cannot be read.', { reason: 'bad_reply', cause: heard.error });
    return heard.data.text.trim();
  }
  return {
    provider: 'openai',
    languages: [],
    vocabulary: 'open',
    hasWordTimes: false,
    limits: 'It hears an utterance after its end, without partial texts and times of words.',
    hear: hearClips(transcribe),
    recognize: recognizeClips((clip, options, signal) => transcribe(clip, options, signal, recordingMs), partMs),
    async probe(signal) {
      const answer = await http({ method: 'GET', url: `${baseUrl}/models`, operation: 'list_models', headers, signal });
      if (answer.status !== 200) throw httpFailure(answer, 'The list of models of OpenAI');
    },
  };
}
