/** The voice of a talk: one stream of `tts` that speaks utterance after utterance. */
import type { z } from 'zod';
import { createOutbox } from '../../../adapters/outbox.ts';
import type { Bus, Log } from '../../../bus/service.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { tts } from '../../../contracts/tts.ts';

export interface VoiceParts {
  readonly bus: Pick<Bus, 'open'>;
  readonly log: Log;
  readonly language: string;
  readonly voice: string | undefined;
  /** Whether more should be spoken now: a long answer is spoken as it is heard. */
  readonly hasRoom: () => boolean;
  readonly audio: (utterance: number, pcmu: Uint8Array) => void;
  /** @param isVoiced false: the voice failed; perhaps some of the audio came */
  readonly ended: (utterance: number, isVoiced: boolean) => void;
}
export interface Voice {
  say(utterance: number, text: string): void;
  /** One utterance is not wanted any more. */
  skip(utterance: number): void;
  /** Utterances that were not spoken yet are not wanted any more. */
  hush(): void;
  /** There may be room again. */
  goOn(): void;
  close(): void;
}
interface Asked {
  readonly utterance: number;
  readonly text: string;
  /** How often a voice has broken off at it. */
  failures: number;
  /** Audio of it that came, and so much of it came before the voice broke off. */
  bytes: number;
  known: number;
}
const longestText = 4_096;
/** An utterance at which a voice broke off is asked for once more, and goes on where it stopped. */
const mostFailures = 2;
/** The next utterance is spoken while one is heard. */
const mostAtOnce = 2;

export function createVoice({ bus, log, language, voice, hasRoom, audio, ended }: VoiceParts, signal: AbortSignal): Voice {
  let up = createOutbox<z.input<typeof tts.synthesize_stream.up>>();
  let isOpen = false;
  /** Utterances that were not asked for yet, and those that are being spoken. */
  let unasked: Asked[] = [];
  let waiting: Asked[] = [];

  function open(): void {
    if (isOpen) return;
    isOpen = true;
    const mine = createOutbox<z.input<typeof tts.synthesize_stream.up>>();
    up = mine;
    let hasFailed = true;
    listen(bus.open(tts.synthesize_stream, { language, ...(voice === undefined ? {} : { voice }) }, mine, { signal }))
      .catch((err: unknown) => {
        // While no voice runs, nothing was attempted; the talk decides how long it waits.
        hasFailed = !isPolybError(err) || err.code !== 'unavailable';
        if (!signal.aborted) log.warn({ err }, 'the voice of a call broke off; it is opened again');
      })
      .finally(() => {
        mine.end();
        isOpen = false;
        const unspoken = waiting;
        waiting = [];
        if (signal.aborted) return;
        for (const one of unspoken) if (hasFailed) one.failures += 1;
        const again = unspoken.filter(({ failures }) => failures < mostFailures);
        unasked = [...again.map((one) => ({ ...one, bytes: 0, known: Math.max(one.known, one.bytes) })), ...unasked];
        for (const one of unspoken) if (!again.includes(one)) ended(one.utterance, false);
        goOn();
      });
  }
  async function listen(items: AsyncIterable<z.output<typeof tts.synthesize_stream.down>>): Promise<void> {
    for await (const item of items) {
      const one = waiting.find(({ utterance }) => utterance === Number(item.id));
      if (one === undefined) continue;
      const { utterance, known, bytes } = one;
      if ('audio' in item) {
        one.bytes += item.audio.length;
        const fresh = item.audio.subarray(Math.max(0, known - bytes));
        if (fresh.length > 0) audio(utterance, fresh);
      } else {
        waiting = waiting.filter((each) => each !== one);
        ended(utterance, item.durationMs > 0);
        goOn();
      }
    }
  }
  function goOn(): void {
    while (waiting.length < mostAtOnce && hasRoom()) {
      const next = unasked.shift();
      if (next === undefined) return;
      open();
      waiting.push(next);
      up.put({ id: String(next.utterance), text: next.text.slice(0, longestText) });
    }
  }
  return {
    say(utterance, text) {
      unasked.push({ utterance, text, failures: 0, bytes: 0, known: 0 });
      goOn();
    },
    skip(utterance) {
      if (waiting.some((each) => each.utterance === utterance)) up.put({ cancel: String(utterance) });
      waiting = waiting.filter((each) => each.utterance !== utterance);
      unasked = unasked.filter((each) => each.utterance !== utterance);
      goOn();
    },
    hush() {
      for (const { utterance } of waiting) up.put({ cancel: String(utterance) });
      waiting = [];
      unasked = [];
    },
    goOn,
    close: () => up.end(),
  };
}
