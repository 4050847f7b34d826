/** Speaks texts with the voices of the adapter named by TTS_KIND. Each phrase is synthesized once and kept. */
import { z } from 'zod';
import { ttsAdapters } from '../../adapters/tts/index.ts';
import { remembered } from '../../adapters/tts/remembered.ts';
import { watchedTts } from '../../adapters/tts/watched.ts';
import { service } from '../../bus/service.ts';
import { tts } from '../../contracts/tts.ts';
import { listVoices } from './list-voices.ts';
import { ttsAudioSeconds } from './metrics.ts';
import { speak } from './speak.ts';
import { synthesize } from './synthesize.ts';
import { synthesizeStream } from './synthesize-stream.ts';

export default service({
  serves: { tts },
  settings: z.object({}),
  vendors: { tts: { setting: 'TTS_KIND', catalogue: ttsAdapters, fallback: 'espeak' } },
}).start(async ({ vendors, bus, metrics }) => {
  const { provider } = vendors.tts;
  const outside = bus.health.of(`tts:${provider}`);
  const voices = { ...vendors.tts, ...remembered(watchedTts(vendors.tts, outside)) };
  const spoke = (seconds: number): void => metrics.count(ttsAudioSeconds, { provider }, seconds);
  return {
    tts: {
      synthesize: synthesize(voices, spoke),
      synthesize_stream: synthesizeStream(voices, spoke),
      speak: speak(voices, spoke),
      list_voices: listVoices(voices),
    },
  };
});
