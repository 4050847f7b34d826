/** The ear of Deepgram: live recognition or Flux for speech, its pre-recorded API for recordings. */
import type { z } from 'zod';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { rateHz } from '../../../media/audio/g711.ts';
import { emitted } from '../../asr/emitted.ts';
import type { Ear } from '../../asr/port.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { deepgramClient } from './client.ts';
import { fluxProtocol, openFlux } from './flux.ts';
import { keytermsOf, languageOf, liveProtocol, openLive } from './live.ts';
import { finalOf, msOf, Recording } from './results.ts';
import type { deepgramAsrSettings } from './settings.ts';
import { converse } from './socket.ts';

/** Flux does not transcribe recordings. */
const recordingModel = 'nova-3';
const recordingMs = 115_000;
/** Size limit of a reply: the words of two hours of speech. */
const recordingBytes = 32_000_000;

export function deepgramEar(settings: z.output<typeof deepgramAsrSettings>, { http, now }: Pick<Deps, 'http' | 'now'>): Ear {
  const { DEEPGRAM_API_KEY: key, DEEPGRAM_BASE_URL: baseUrl, DEEPGRAM_ASR_MODEL: model } = settings;
  const isFlux = model.startsWith('flux');
  return {
    provider: 'deepgram',
    languages: [],
    vocabulary: 'open',
    hasWordTimes: true,
    limits: null,
    answersSpeech: true,
    hear: (spoken, options, outer) =>
      emitted(async (emit, signal) => {
        const client = await deepgramClient(settings);
        if (isFlux) {
          const socket = await openFlux(client, model, options);
          await converse(socket, fluxProtocol(socket, now), spoken, emit, signal);
        } else {
          const socket = await openLive(client, model, options);
          await converse(socket, liveProtocol(socket, now), spoken, emit, signal);
        }
      }, outer),
    async recognize(recording, { language, hints }, signal) {
      const heardBy = isFlux ? recordingModel : model;
      const query = new URLSearchParams({
        ...{ model: heardBy, language: languageOf(language), encoding: 'mulaw', sample_rate: String(rateHz) },
        ...{ punctuate: 'true', utterances: 'true' },
      });
      if (heardBy.startsWith('nova-3')) for (const hint of keytermsOf(hints)) query.append('keyterm', hint);
      const answer = await http({
        method: 'POST',
        url: `${baseUrl}/v1/listen?${query}`,
        operation: 'listen',
        headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/octet-stream' },
        body: recording,
        signal,
        timeoutMs: recordingMs,
        maxBytes: recordingBytes,
      });
      if (answer.status !== 200) throw httpFailure(answer, 'The recognition of a recording by Deepgram');
      const heard = Recording.safeParse(answer.json());
      if (!heard.success)
        throw new PolybError('upstream_failed', 'The reply of Deepgram cannot be read.', { reason: 'bad_reply', cause: heard.error });
      return heard.data.results.utterances
        .filter(({ transcript }) => transcript.trim() !== '')
        .map((utterance) => finalOf(utterance, msOf(utterance.start), msOf(utterance.end)));
    },
  };
}
