/** Speaks texts with the voices of the adapters named by TTS_KIND. Each sentence is synthesized once and kept. */
import { z } from 'zod';
import { firstVoiceOf } from '../../adapters/tts/first-of.ts';
import { ttsAdapters } from '../../adapters/tts/index.ts';
import { remembered } from '../../adapters/tts/remembered.ts';
import { voiceSettings } from '../../adapters/tts/settings.ts';
import { watchedTts } from '../../adapters/tts/watched.ts';
import { service } from '../../bus/service.ts';
import { tts } from '../../contracts/tts.ts';
import { systemClock } from '../../media/sip/clock.ts';
import { listVoices } from './list-voices.ts';
import { ttsAudioSeconds } from './metrics.ts';
import { speak } from './speak.ts';
import { type Spoke, synthesize } from './synthesize.ts';
import { synthesizeStream } from './synthesize-stream.ts';

export default service({
  serves: { tts },
  settings: z.object(voiceSettings),
  vendors: { tts: { setting: 'TTS_KIND', catalogue: ttsAdapters, fallback: 'espeak', list: true } },
}).start(async ({ settings, vendors, bus, log, metrics }) => {
  const health = (provider: string) => bus.health.of(`tts:${provider}`);
  const voices = firstVoiceOf(
    vendors.tts.map((voice) => ({ ...voice, ...remembered(watchedTts(voice, health(voice.provider))) })),
    { clock: systemClock, log, metrics, health, watchdogMs: settings.TTS_WATCHDOG_MS },
  );
  const spoke: Spoke = (provider, seconds) => metrics.count(ttsAudioSeconds, { provider }, seconds);
  return {
    tts: {
      synthesize: synthesize(voices, spoke),
      synthesize_stream: synthesizeStream(voices, spoke),
      speak: speak(voices, spoke),
      list_voices: listVoices(voices),
    },
    stop: async () => voices.close(),
  };
});
