/** Speech for a provider that hears whole utterances: they end with a pause, or with a request for the final. */
import { decode, rateHz } from '../../media/audio/g711.ts';
import { createSpeechDetector } from '../../media/audio/speech.ts';
import type { Ear, Final, HearOptions } from './port.ts';

const pauseMs = 700;
/** Kept before the speech that is noticed. */
const leadBytes = (300 * rateHz) / 1_000;
/** Speech that goes on is heard in parts. */
const longestBytes = 60 * rateHz;
const frameBytes = rateHz / 50;

/** @param transcribe the text of a clip; empty if it has none */
export function byUtterance(transcribe: (clip: Uint8Array, options: HearOptions, signal: AbortSignal) => Promise<string>): Ear['hear'] {
  return async function* (spoken, options, signal) {
    const detector = createSpeechDetector({ stopMs: pauseMs });
    let clip: Uint8Array = new Uint8Array();
    /** Bytes before the clip. */
    let from = 0;
    let hasSpeech = false;
    async function* utterance(): AsyncGenerator<Final> {
      const [audio, startMs] = [clip, msOf(from)];
      const isSpeech = hasSpeech;
      from += clip.length;
      clip = new Uint8Array();
      hasSpeech = false;
      if (!isSpeech) return;
      const text = (await transcribe(audio, options, signal)).trim();
      if (text !== '')
        yield {
          kind: 'final',
          text,
          confidence: null,
          words: [],
          startMs: startMs + firstSoundMs(audio),
          endMs: startMs + lastSoundMs(audio),
        };
    }
    for await (const item of spoken) {
      signal.throwIfAborted();
      if (!(item instanceof Uint8Array)) {
        yield* utterance();
        yield { kind: 'finalized' };
        continue;
      }
      clip = Buffer.concat([clip, item]);
      let hasStopped = false;
      for (let at = 0; at < item.length; at += frameBytes) {
        const edge = detector.push(decode('PCMU', item.subarray(at, at + frameBytes)));
        if (edge === 'started') hasSpeech = true;
        if (edge === 'stopped') hasStopped = true;
      }
      if (hasStopped || clip.length >= longestBytes) yield* utterance();
      else if (!hasSpeech && clip.length > leadBytes) {
        from += clip.length - leadBytes;
        clip = clip.subarray(clip.length - leadBytes);
      }
    }
  };
}

const loudOf = (audio: Uint8Array): Int16Array => decode('PCMU', audio);
const isLoud = (sample: number): boolean => Math.abs(sample) > 300;
const firstSoundMs = (audio: Uint8Array): number => msOf(Math.max(0, loudOf(audio).findIndex(isLoud)));
const lastSoundMs = (audio: Uint8Array): number => msOf(loudOf(audio).findLastIndex(isLoud) + 1);
const msOf = (bytes: number): number => Math.round((bytes * 1_000) / rateHz);
