/**
 * Flux, `GET /v2/listen`, which detects turns. Only accounts with `ForceEndTurn` can end a turn at once, so a request for a final sends
 * enough silence to end one, faster than real time; reported times exclude that silence.
 */
import { rateHz } from '../../../media/audio/g711.ts';
import type { HeardItem, HearOptions } from '../../asr/port.ts';
import { type Client, once } from './client.ts';
import { keytermsOf, languageOf } from './live.ts';
import { finalOf, msOf, TurnInfo } from './results.ts';
import type { Protocol } from './socket.ts';

type Flux = Awaited<ReturnType<Client['listen']['v2']['connect']>>;

/** The provider's minimum. */
const endOfTurnMs = 500;
const silenceMs = endOfTurnMs + 500;
/** Certainty that makes it report a likely end of turn; the provider accepts 0.3 to 0.9, at most its threshold for an end (0.7). */
const eagerThreshold = 0.5;
/** Audio outside a turn is processed in windows of about 250 ms. */
const windowMs = 300;
const keepAliveMs = 4_000;
const silence = new Uint8Array((silenceMs * rateHz) / 1_000).fill(0xff);

export async function openFlux(client: Client, model: string, { language, hints }: HearOptions): Promise<Flux> {
  return await client.listen.v2.connect({
    ...once,
    model,
    encoding: 'mulaw',
    sample_rate: String(rateHz),
    eot_timeout_ms: String(endOfTurnMs),
    eager_eot_threshold: String(eagerThreshold),
    ...(model.includes('multi') && { language_hint: [languageOf(language)] }),
    ...(hints.length > 0 && { keyterm: [...keytermsOf(hints)] }),
  } as unknown as Parameters<typeof client.listen.v2.connect>[0]);
}

export function fluxProtocol(socket: Flux, now: () => number): Protocol {
  let [sentMs, partial, lastSentAt] = [0, '', now()];
  /** Inserted silences, in ms of the sent audio. */
  const pauses: { readonly fromMs: number; readonly toMs: number }[] = [];
  /** Ends of the inserted silences of pending requests. */
  const owed: number[] = [];

  const send = (audio: Uint8Array): void => {
    socket.sendMedia(audio);
    sentMs += (audio.length * 1_000) / rateHz;
    lastSentAt = now();
  };
  const withoutPauses = (ms: number): number =>
    pauses.reduce((left, { fromMs, toMs }) => left - Math.max(0, Math.min(ms, toMs) - fromMs), ms);
  function pause(): void {
    const fromMs = sentMs;
    send(silence);
    pauses.push({ fromMs, toMs: sentMs });
  }
  return {
    hear: send,
    finalize() {
      pause();
      owed.push(sentMs);
      return [];
    },
    read(message) {
      const { success, data } = TurnInfo.safeParse(message);
      if (!success) return [{ kind: 'alive' }];
      const transcript = data.transcript.trim();
      const items: HeardItem[] = [];
      if (data.event === 'EndOfTurn') {
        partial = '';
        if (transcript !== '') {
          const { startMs, endMs, words, ...final } = finalOf(
            { ...data, transcript },
            msOf(data.audio_window_end),
            msOf(data.audio_window_end),
          );
          items.push({
            ...final,
            // Its confidence after half a second of silence, inserted or the speaker's.
            ...(data.end_of_turn_confidence !== undefined && { endOfTurn: data.end_of_turn_confidence }),
            words: words.map((word) => ({ ...word, startMs: withoutPauses(word.startMs), endMs: withoutPauses(word.endMs) })),
            startMs: withoutPauses(startMs),
            endMs: withoutPauses(endMs),
          });
        }
      } else if (data.event === 'EagerEndOfTurn' || data.event === 'TurnResumed') {
        // Without a changed text the final is the same (docs, Flux state machine).
        partial = transcript;
        const endOfTurn = data.event === 'TurnResumed' ? 0 : (data.end_of_turn_confidence ?? eagerThreshold);
        items.push({ kind: 'partial', text: transcript, endOfTurn });
      } else if (transcript !== partial) {
        partial = transcript;
        if (transcript !== '') items.push({ kind: 'partial', text: transcript });
      }
      if (items.length === 0) items.push({ kind: 'alive' });
      const reachedMs = msOf(data.audio_window_end);
      while (partial === '' && owed[0] !== undefined && reachedMs >= owed[0] - windowMs) {
        owed.shift();
        items.push({ kind: 'finalized' });
      }
      return items;
    },
    tick() {
      if (now() - lastSentAt >= keepAliveMs) pause();
      return [];
    },
    end: () => socket.sendCloseStream({ type: 'CloseStream' }),
    closed: () => (owed.length === 0 ? [] : null),
  };
}
