import type { TtsProvider } from '../../adapters/tts/port.ts';
import type { StreamHandler } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { tts as contract } from '../../contracts/tts.ts';
import { rateHz as phoneHz } from '../../media/audio/g711.ts';
import { durationMs } from './synthesize.ts';
import { voiceOf } from './voice-of.ts';

/** Half a second: what is under way when a text is cancelled is not much. */
const pieceBytes = phoneHz / 2;
/** Texts that may wait. */
const mostTexts = 200;

interface Wanted {
  readonly id: string;
  readonly text: string;
  readonly cancelled: AbortController;
}

/** Speaks the texts in their order. @param spoke is told the seconds of speech that are delivered */
export function synthesizeStream(tts: TtsProvider, spoke: (seconds: number) => void): StreamHandler<typeof contract.synthesize_stream> {
  return async function* ({ language, voice: wanted }, up, { signal }) {
    const voice = await voiceOf(tts, { language, voice: wanted }, signal);
    const waiting: Wanted[] = [];
    let speaking: Wanted | undefined;
    let isOver = false;
    let failure: unknown;
    let wake = Promise.withResolvers<void>();
    void (async () => {
      for await (const item of up) {
        if ('cancel' in item) {
          for (const one of [speaking, ...waiting]) if (one?.id === item.cancel) one.cancelled.abort();
        } else if (waiting.length >= mostTexts)
          throw new PolybError('resource_exhausted', `At most ${mostTexts} texts may wait to be spoken.`);
        else waiting.push({ ...item, cancelled: new AbortController() });
        wake.resolve();
      }
    })()
      .catch((thrown: unknown) => {
        failure = thrown;
      })
      .finally(() => {
        isOver = true;
        wake.resolve();
      });

    try {
      for (;;) {
        if (failure !== undefined) throw failure;
        speaking = waiting.shift();
        if (speaking === undefined) {
          if (isOver) return;
          await wake.promise;
          wake = Promise.withResolvers();
          continue;
        }
        const { id, text, cancelled } = speaking;
        let sent = 0;
        const speech = await spokenUnless(cancelled.signal, () =>
          tts.speak({ text, language, voice }, AbortSignal.any([signal, cancelled.signal])),
        );
        while (sent < speech.length && !cancelled.signal.aborted) {
          const audio = speech.slice(sent, sent + pieceBytes);
          sent += audio.length;
          yield { id, audio };
        }
        spoke(sent / phoneHz);
        yield { id, end: true as const, voice, provider: tts.provider, durationMs: durationMs(sent) };
      }
    } finally {
      for (const one of [speaking, ...waiting]) one?.cancelled.abort();
    }
  };
}

/** Nothing for a text that is cancelled before it is spoken. */
async function spokenUnless(cancelled: AbortSignal, speak: () => Promise<Uint8Array>): Promise<Uint8Array> {
  if (cancelled.aborted) return new Uint8Array();
  try {
    return await speak();
  } catch (thrown) {
    if (cancelled.aborted) return new Uint8Array();
    throw thrown;
  }
}
