/** The voice of a talk: one stream of `tts` for all utterances. */
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
  /** Whether to synthesize more now: a long answer is synthesized at the pace at which it is heard. */
  readonly hasRoom: () => boolean;
  readonly audio: (utterance: number, pcmu: Uint8Array) => void;
  /** @param isVoiced false if the voice failed, perhaps after some audio */
  readonly ended: (utterance: number, isVoiced: boolean) => void;
}
export interface Voice {
  say(utterance: number, text: string): void;
  /** Drops one utterance. */
  skip(utterance: number): void;
  /** Drops all utterances not spoken yet. */
  hush(): void;
  /** Checks again whether there is room. */
  goOn(): void;
  close(): void;
}
interface VoiceRequest {
  readonly utterance: number;
  readonly text: string;
  /** How often a voice has broken off in it. */
  failures: number;
  /** Received audio, and the audio received before the voice broke off. */
  bytes: number;
  known: number;
}
const longestText = 4_096;
/** An utterance in which a voice broke off is requested once more and continues where it stopped. */
const mostFailures = 2;
/** The next utterance is synthesized while one is heard. */
const mostAtOnce = 2;

export function createVoice({ bus, log, language, voice, hasRoom, audio, ended }: VoiceParts, signal: AbortSignal): Voice {
  let up = createOutbox<z.input<typeof tts.synthesize_stream.up>>();
  let isOpen = false;
  /** Utterances not requested yet, and those being spoken. */
  let unasked: VoiceRequest[] = [];
  let waiting: VoiceRequest[] = [];

  function open(): void {
    if (isOpen) return;
    isOpen = true;
    const mine = createOutbox<z.input<typeof tts.synthesize_stream.up>>();
    up = mine;
    let hasFailed = true;
    listen(bus.open(tts.synthesize_stream, { language, ...(voice === undefined ? {} : { voice }) }, mine, { signal }))
      .catch((err: unknown) => {
        // If no voice is running, nothing was attempted; the talk decides how long to wait.
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
