/** Transcribes recordings and live speech with the ears named by ASR_KIND. */
import { firstEarOf } from '../../adapters/asr/first-of.ts';
import { asrAdapters } from '../../adapters/asr/index.ts';
import { blobAdapters } from '../../adapters/blob/index.ts';
import { service } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { systemClock } from '../../media/sip/clock.ts';
import { counts } from './counts.ts';
import { followRecording, recognize } from './recognize.ts';
import { recognizeStream } from './recognize-stream.ts';
import { asrSettings } from './settings.ts';

export default service({
  serves: { asr },
  settings: asrSettings,
  vendors: {
    ears: { setting: 'ASR_KIND', catalogue: asrAdapters, fallback: 'phrases', list: true },
    blobs: { setting: 'BLOB_KIND', catalogue: blobAdapters, fallback: 'fs' },
  },
}).start(async ({ settings, vendors: { ears, blobs }, bus, log, metrics }) => {
  const ear = firstEarOf(ears, {
    ...{ clock: systemClock, log, metrics, watchdogMs: settings.ASR_WATCHDOG_MS },
    health: (provider) => bus.health.of(`asr:${provider}`),
  });
  const counted = counts(metrics);
  const recordings = { ear, blobs, maxMs: settings.ASR_RECORDING_MAX_MS, counts: counted };
  const capabilities = ears.map(({ provider, languages, vocabulary, hasWordTimes, limits }) => ({
    ...{ provider, languages: [...languages], vocabulary, hasWordTimes, limits },
  }));
  return {
    asr: {
      recognize: recognize(recordings),
      follow_recording: followRecording(recordings),
      recognize_stream: recognizeStream(ear, counted),
      capabilities: async () => ({ ears: capabilities }),
    },
    stop: async () => ear.close?.(),
  };
});
