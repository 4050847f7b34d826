import type { TtsProvider } from '../../adapters/tts/port.ts';
import { streamOf } from '../../adapters/tts/streamed.ts';
import type { StreamHandler } from '../../bus/service.ts';
import type { tts as contract } from '../../contracts/tts.ts';
import { rateHz as phoneHz } from '../../media/audio/g711.ts';
import type { CountSpeech } from './synthesize.ts';

const pieceBytes = phoneHz / 2;

export function speak(tts: TtsProvider, spoke: CountSpeech): StreamHandler<typeof contract.speak> {
  return async function* ({ text, language, voice }, _, { signal }) {
    let { provider } = tts;
    for await (const speech of streamOf(tts, { text, language, voice }, signal)) {
      if (!(speech instanceof Uint8Array)) {
        if ('by' in speech) provider = speech.by.provider;
        continue;
      }
      for (let at = 0; at < speech.length; at += pieceBytes) {
        const piece = speech.slice(at, at + pieceBytes);
        yield piece;
        spoke(provider, piece.length / phoneHz);
      }
    }
  };
}
