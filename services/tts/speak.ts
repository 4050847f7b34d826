import type { TtsProvider } from '../../adapters/tts/port.ts';
import { streamOf } from '../../adapters/tts/streamed.ts';
import type { StreamHandler } from '../../bus/service.ts';
import type { tts as contract } from '../../contracts/tts.ts';
import { rateHz as phoneHz } from '../../media/audio/g711.ts';
import { voiceOf } from './voice-of.ts';

const pieceBytes = phoneHz / 2;

/** @param spoke is told the seconds of speech that are delivered */
export function speak(tts: TtsProvider, spoke: (seconds: number) => void): StreamHandler<typeof contract.speak> {
  return async function* ({ text, language, voice: wanted }, _, { signal }) {
    const voice = await voiceOf(tts, { language, voice: wanted }, signal);
    for await (const speech of streamOf(tts, { text, language, voice }, signal)) {
      if ('words' in speech) continue;
      for (let at = 0; at < speech.length; at += pieceBytes) {
        const piece = speech.slice(at, at + pieceBytes);
        yield piece;
        spoke(piece.length / phoneHz);
      }
    }
  };
}
