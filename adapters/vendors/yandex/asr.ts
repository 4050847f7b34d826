/** The ear of Yandex SpeechKit, v3 over gRPC. A session is limited to 5 minutes or 10 MB, so a talk uses several in succession. */
import type { z } from 'zod';
import { rateHz } from '../../../media/audio/g711.ts';
import { type Clock, systemClock } from '../../../media/sip/clock.ts';
import type { Ear, Final, SpokenItem } from '../../asr/port.ts';
import { quietParts } from '../../asr/quiet-parts.ts';
import { rotated } from '../../asr/rotated.ts';
import { moved, samplesMs } from '../../asr/times.ts';
import { speechKit } from './client.ts';
import { sessionOf } from './session.ts';
import type { yandexAsrSettings } from './settings.ts';

/** Source: yandex.cloud/docs/speechkit, Quotas and limits: 5 minutes and 10 MB a session; audio is sent with 16 bits. */
const limits = { pauseAfterMs: 210_000, longestMs: 280_000, mostBytes: 4_500_000, idleMs: 4_000 } as const;
/** Audio of a recording in one session. */
const partMs = 240_000;

/** @param clock for tests */
export function yandexEar(settings: z.output<typeof yandexAsrSettings>, clock: Clock = systemClock): Ear {
  const kit = speechKit('stt', settings.YANDEX_SPEECHKIT_ASR_URL, settings);
  const session = sessionOf(kit, settings.YANDEX_SPEECHKIT_ASR_MODEL, clock);
  return {
    provider: 'yandex',
    languages: [],
    vocabulary: 'open',
    hasWordTimes: true,
    limits: null,
    answersSpeech: true,
    hear: rotated(session, { ...limits, clock }),
    async recognize(recording, options, signal) {
      const finals: Final[] = [];
      for (const { from, to } of quietParts(recording, partMs)) {
        const part = async function* (): AsyncGenerator<SpokenItem> {
          for (let at = from; at < to; at += rateHz) yield recording.subarray(at, Math.min(to, at + rateHz));
          yield { finalize: true };
        };
        for await (const item of session(part(), options, signal)) if (item.kind === 'final') finals.push(moved(item, samplesMs(from)));
      }
      return finals;
    },
    close: async () => kit.close(),
  };
}
