import type { SpeechItem, SpokenBy, SpokenWord, TtsProvider } from '../../adapters/tts/port.ts';
import { streamOf } from '../../adapters/tts/streamed.ts';
import type { StreamHandler } from '../../bus/service.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { tts as contract } from '../../contracts/tts.ts';
import { rateHz as phoneHz } from '../../media/audio/g711.ts';
import { type CountSpeech, durationMs } from './synthesize.ts';

/** Half a second, so that little is in transit when a text is cancelled. */
const pieceBytes = phoneHz / 2;
/** Maximum queued texts. */
const mostTexts = 200;

interface QueuedText {
  readonly id: string;
  readonly text: string;
  readonly cancelled: AbortController;
}

/** Speaks the texts in order. */
export function synthesizeStream(tts: TtsProvider, spoke: CountSpeech): StreamHandler<typeof contract.synthesize_stream> {
  return async function* ({ language, voice }, up, { signal }) {
    const waiting: QueuedText[] = [];
    let speaking: QueuedText | undefined;
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
        const words: SpokenWord[] = [];
        let by: SpokenBy = { provider: tts.provider, voice: voice ?? '' };
        const speech = unlessCancelled(
          cancelled.signal,
          streamOf(tts, { text, language, voice }, AbortSignal.any([signal, cancelled.signal])),
        );
        for await (const item of speech) {
          if ('words' in item) words.push(...item.words);
          else if ('by' in item) by = item.by;
          else
            for (let at = 0; at < item.length && !cancelled.signal.aborted; at += pieceBytes) {
              const audio = item.slice(at, at + pieceBytes);
              sent += audio.length;
              yield { id, audio };
            }
        }
        spoke(by.provider, sent / phoneHz);
        const own = { id, end: true as const, ...by, durationMs: durationMs(sent) };
        yield words.length === 0 ? own : { ...own, words };
      }
    } finally {
      for (const one of [speaking, ...waiting]) one?.cancelled.abort();
    }
  };
}

/** Ends the speech of a text once it is cancelled. */
async function* unlessCancelled(cancelled: AbortSignal, speech: AsyncIterable<SpeechItem>): AsyncGenerator<SpeechItem> {
  if (cancelled.aborted) return;
  try {
    for await (const item of speech) {
      if (cancelled.aborted) return;
      yield item;
    }
  } catch (thrown) {
    if (!cancelled.aborted) throw thrown;
  }
}
