import type { TtsProvider } from '../../adapters/tts/port.ts';
import type { Handler } from '../../bus/service.ts';
import type { tts as contract } from '../../contracts/tts.ts';

/** Maximum voices in a reply. */
const most = 1_000;

export function listVoices(tts: TtsProvider): Handler<typeof contract.list_voices> {
  return async ({ language }, { signal }) => {
    const voices = await tts.voices(language, signal);
    return {
      voices: voices
        .slice(0, most)
        .map((voice, nth) => ({ ...voice, provider: voice.provider ?? tts.provider, isDefault: language === undefined || nth === 0 })),
    };
  };
}
