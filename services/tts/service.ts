/** Speaks texts with the voices of the adapters named by TTS_KIND. Each sentence is synthesized once and cached in memory and in files. */
import { firstVoiceOf } from '../../adapters/tts/first-of.ts';
import { ttsAdapters } from '../../adapters/tts/index.ts';
import { keptOnDisk } from '../../adapters/tts/kept-on-disk.ts';
import type { Tts, TtsProvider } from '../../adapters/tts/port.ts';
import { remembered } from '../../adapters/tts/remembered.ts';
import { watchedTts } from '../../adapters/tts/watched.ts';
import { service } from '../../bus/service.ts';
import { tts } from '../../contracts/tts.ts';
import { systemClock } from '../../media/sip/clock.ts';
import { listVoices } from './list-voices.ts';
import { ttsAudioSeconds } from './metrics.ts';
import { speechSettings } from './settings.ts';
import { speak } from './speak.ts';
import { type CountSpeech, synthesize } from './synthesize.ts';
import { synthesizeStream } from './synthesize-stream.ts';

export default service({
  serves: { tts },
  settings: speechSettings,
  vendors: { tts: { setting: 'TTS_KIND', catalogue: ttsAdapters, fallback: 'espeak', list: true } },
}).start(async ({ settings, vendors, bus, log, metrics, now }) => {
  const health = (provider: string) => bus.health.of(`tts:${provider}`);
  const kept = (voice: TtsProvider): Tts => {
    const watched = watchedTts(voice, health(voice.provider));
    if (settings.TTS_CACHE_MAX_BYTES === 0) return watched;
    return keptOnDisk(watched, {
      ...{ provider: voice.provider, now },
      folder: settings.TTS_CACHE_DIR,
      maxBytes: settings.TTS_CACHE_MAX_BYTES,
      maxAgeMs: settings.TTS_CACHE_KEEP_MS,
      warn: (err) => log.warn({ err }, 'cached speech could not be written or read'),
    });
  };
  const voices = firstVoiceOf(
    vendors.tts.map((voice) => ({ ...voice, ...remembered(kept(voice)) })),
    { clock: systemClock, log, metrics, health, watchdogMs: settings.TTS_WATCHDOG_MS },
  );
  const spoke: CountSpeech = (provider, seconds) => metrics.count(ttsAudioSeconds, { provider }, seconds);
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
