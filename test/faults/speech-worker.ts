/** A process with an emulated ear, voice or dialog for talks on the phone. Run by the tests of talks. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createBus } from '../../bus/bus.ts';
import type { StreamHandler } from '../../bus/service.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { asr } from '../../contracts/asr.ts';
import { dialog } from '../../contracts/dialog.ts';
import { tts } from '../../contracts/tts.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { soundOf } from '../kit/voice.ts';
import { wordsIn } from './spoken-words.ts';

export const SpeechWorkerSetup = z.object({
  natsUrl: z.string(),
  as: z.enum(['ear', 'voice', 'dialog']),
  /** What the ear hears, one phrase an utterance, whatever is said; absent: the words of the tones. */
  phrases: z.array(z.string()).optional(),
  /** How long the voice takes for 100 ms of speech. */
  paceMs: z.number().default(5),
  /** The voice goes on after it is told to cancel. */
  isDeaf: z.boolean().default(false),
  /** What the dialog answers. */
  reply: z.array(z.string()).default(['Хорошо.']),
});
/** What the workers report: a word that was heard, a text that is half spoken, a message of the customer. */
export const Report = z.union([
  z.object({ heard: z.string() }),
  z.object({ halfOf: z.string() }),
  z.object({ asked: z.string(), of: z.string() }),
]);

const letterMs = 40;
/** What a voice of these tests makes of a text, in whole frames. */
export const sayingOf = (text: string): Uint8Array => soundOf(text, letterMs * text.length);
/** What a deaf voice says of a text that was cancelled. */
export const lateOf = (text: string): Uint8Array => soundOf(`late ${text}`, 400);
const partBytes = 800;

const report = (what: z.input<typeof Report>): void => void process.send?.(what);

function ear(phrases: readonly string[] | undefined): StreamHandler<typeof asr.recognize_stream> {
  return async function* (_input, up) {
    const words = wordsIn();
    const left = [...(phrases ?? [])];
    const said = { confidence: 1, words: [], startMs: 0, endMs: 0, provider: 'emulated' };
    for await (const item of up) {
      if ('expects' in item) continue;
      const found = item instanceof Uint8Array ? words.push(item) : words.end();
      if (phrases === undefined)
        for (const text of found) {
          report({ heard: text });
          yield { kind: 'final', text, ...said };
        }
      if (item instanceof Uint8Array) continue;
      const text = left.shift();
      if (text !== undefined) {
        report({ heard: text });
        yield { kind: 'final', text, ...said };
      }
      yield { kind: 'finalized' };
    }
  };
}

function voice(paceMs: number, isDeaf: boolean): StreamHandler<typeof tts.synthesize_stream> {
  return async function* (_input, up) {
    const cancelled = new Set<string>();
    const texts: { readonly id: string; readonly text: string }[] = [];
    let wake = (): void => {};
    let isOver = false;
    void (async () => {
      for await (const item of up) {
        if ('cancel' in item) cancelled.add(item.cancel);
        else texts.push(item);
        wake();
      }
    })()
      .catch(() => {}) // the talk has ended
      .finally(() => {
        isOver = true;
        wake();
      });
    while (!isOver) {
      const next = texts.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const { id, text } = next;
      const speech = sayingOf(text);
      let isHalf = false;
      for (let at = 0; at < speech.length && !cancelled.has(id); at += partBytes) {
        await delay(paceMs);
        yield { id, audio: speech.slice(at, at + partBytes) };
        if (isHalf || at < speech.length / 2) continue;
        isHalf = true;
        report({ halfOf: text });
      }
      if (cancelled.has(id) && isDeaf) {
        // What was on its way when the word came to stop.
        await delay(1_500);
        yield { id, audio: lateOf(text) };
      }
      yield { id, end: true, voice: 'anna', provider: 'emulated', durationMs: letterMs * text.length };
    }
  };
}

function answers(reply: readonly string[]): StreamHandler<typeof dialog.dialog_stream> {
  return async function* ({ sessionId, message, isEager }, up) {
    if (isEager && !(await isConfirmed(up))) return;
    report({ asked: message, of: sessionId });
    for (const text of reply) yield { is: 'sentence', text };
    const empty = { turnId: 'turn', reply: null, state: 'CONSULTING' as const, intent: null, proposals: [], choices: [] };
    yield { is: 'done', answer: { ...empty, sessionId, isHandedOver: false } };
  };
}

/** The customer has said no more than what the dialog was asked early. */
async function isConfirmed(up: AsyncIterable<{ readonly is: string }>): Promise<boolean> {
  for await (const { is } of up) if (is !== 'heard') return is === 'confirm';
  return false;
}

async function main(): Promise<void> {
  const { natsUrl, as, phrases, paceMs, isDeaf, reply } = SpeechWorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const name = { ear: 'asr', voice: 'tts', dialog: 'dialog-orchestrator' }[as];
  const transport = await connectNats({ servers: natsUrl, name, inboxUser: name, signal: AbortSignal.timeout(25_000), timeoutMs: 10_000 });
  const bus = createBus({ transport, name, log: quiet });
  const served = {
    ear: [asr.recognize_stream, ear(phrases)],
    voice: [tts.synthesize_stream, voice(paceMs, isDeaf)],
    dialog: [dialog.dialog_stream, answers(reply)],
  } as const;
  const [stream, handler] = served[as];
  await bus.serve([stream], { [stream.address]: handler as never });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

if (import.meta.main) await main();
