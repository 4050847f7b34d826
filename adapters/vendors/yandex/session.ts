/**
 * One session of streaming recognition. This side ends utterances, at pauses and at requests for finals (`external_classifier`). A final is
 * followed by its refinement with numbers and punctuation, for which it waits briefly.
 */
import { decode, rateHz } from '../../../media/audio/g711.ts';
import { createSpeechDetector } from '../../../media/audio/speech.ts';
import type { Clock } from '../../../media/sip/clock.ts';
import { emitted } from '../../asr/emitted.ts';
import type { Ear, Final, HeardItem } from '../../asr/port.ts';
import { failureOf, type SpeechKit } from './client.ts';
import { finalOf, Response, textOf } from './responses.ts';

/** A pause that ends an utterance. */
const pauseMs = 700;
const refinementMs = 300;
const frameBytes = rateHz / 50;

export function sessionOf(kit: SpeechKit<'stt'>, model: string, clock: Clock): Ear['hear'] {
  return (spoken, { language }, outer) =>
    emitted<HeardItem>(async (emit, signal) => {
      const { client, metadata } = await kit.open();
      signal.throwIfAborted();
      const call = client.RecognizeStreaming(metadata);
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      const detector = createSpeechDetector({ stopMs: pauseMs });
      /** Pending ends of utterances, with the number of requests for finals in each. */
      const ends: { requests: number }[] = [];
      let [sent, sentAtEnd] = [0, 0];
      /** Finals waiting for their refinement, and replies queued behind them. */
      const held: ({ readonly index: number; final: Final; isReady: boolean } | 'finalized')[] = [];

      function release(): void {
        for (;;) {
          const [first] = held;
          if (first === undefined || (first !== 'finalized' && !first.isReady)) return;
          held.shift();
          emit(first === 'finalized' ? { kind: 'finalized' } : first.final);
        }
      }
      function answer(answered: { readonly requests: number } | undefined): void {
        for (let nth = 0; nth < (answered?.requests ?? 0); nth += 1) held.push('finalized');
      }
      function read(message: unknown): void {
        const { data } = Response.safeParse(message);
        const update = data?.final ?? data?.partial;
        if (data?.final !== undefined) {
          const final = finalOf(data.final);
          if (final === null) {
            emit({ kind: 'alive' });
            return;
          }
          const one = { index: data.audio_cursors?.final_index ?? 0, final, isReady: false };
          held.push(one);
          clock.after(refinementMs, () => {
            one.isReady = true;
            release();
          });
        } else if (data?.final_refinement !== undefined) {
          const { final_index: index, normalized_text: refined } = data.final_refinement;
          const one = held.find((each) => each !== 'finalized' && each.index === index);
          if (one === undefined || one === 'finalized') return;
          if (refined !== undefined && textOf(refined) !== '') one.final = { ...one.final, text: textOf(refined) };
          one.isReady = true;
          release();
        } else if (data?.eou_update !== undefined) {
          answer(ends.shift());
          release();
        } else if (update !== undefined && textOf(update) !== '') emit({ kind: 'partial', text: textOf(update) });
        else emit({ kind: 'alive' });
      }
      function end(requests: 0 | 1): void {
        const last = ends.at(-1);
        if (sent > sentAtEnd) {
          sentAtEnd = sent;
          ends.push({ requests });
          call.write({ eou: {} });
        } else if (last !== undefined)
          last.requests += requests; // The previous reply also answers this request.
        else if (requests > 0) {
          held.push('finalized');
          release();
        }
      }
      const over = new Promise<void>((resolve, reject) => {
        call.on('data', read);
        call.on('end', resolve);
        call.on('error', (error) => reject(failureOf(error, 'The recognition of speech')));
      });
      const sending = (async () => {
        call.write({ session_options: optionsOf(model, language) });
        for await (const item of spoken) {
          if (signal.aborted) return;
          if (!(item instanceof Uint8Array)) {
            end(1);
            continue;
          }
          const samples = decode('PCMU', item);
          call.write({ chunk: { data: Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength) } });
          sent += item.length;
          let hasPaused = false;
          for (let at = 0; at < samples.length; at += frameBytes)
            hasPaused = detector.push(samples.subarray(at, at + frameBytes)) === 'stopped' || hasPaused;
          if (hasPaused) end(0);
        }
        call.end();
      })();
      try {
        await Promise.race([sending.then(() => over), over]);
        for (const one of held) if (one !== 'finalized') one.isReady = true;
        for (const each of ends) answer(each);
        release();
      } catch (thrown) {
        signal.throwIfAborted();
        throw thrown;
      } finally {
        signal.removeEventListener('abort', cancel);
        over.catch(() => {}); // It was cancelled.
        cancel();
      }
    }, outer);
}

function optionsOf(model: string, language: string): object {
  return {
    recognition_model: {
      model,
      audio_format: { raw_audio: { audio_encoding: 'LINEAR16_PCM', sample_rate_hertz: rateHz, audio_channel_count: 1 } },
      text_normalization: { text_normalization: 'TEXT_NORMALIZATION_ENABLED', literature_text: true },
      language_restriction: { restriction_type: 'WHITELIST', language_code: [language] },
      audio_processing_type: 'REAL_TIME',
    },
    eou_classifier: { external_classifier: {} },
  };
}
