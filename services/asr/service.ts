/** Hears recordings and live speech with the ear named by ASR_KIND. */
import { asrAdapters } from '../../adapters/asr/index.ts';
import { blobAdapters } from '../../adapters/blob/index.ts';
import { service } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { counts } from './counts.ts';
import { followRecording, recognize } from './recognize.ts';
import { recognizeStream } from './recognize-stream.ts';
import { asrSettings } from './settings.ts';

export default service({
  serves: { asr },
  settings: asrSettings,
  vendors: {
    ear: { setting: 'ASR_KIND', catalogue: asrAdapters, fallback: 'phrases' },
    blobs: { setting: 'BLOB_KIND', catalogue: blobAdapters, fallback: 'fs' },
  },
}).start(async ({ settings, vendors: { ear, blobs }, bus, metrics }) => {
  const { provider, languages, vocabulary, hasWordTimes, limits } = ear;
  const outside = bus.health.of(`asr:${provider}`);
  const watched = { ...ear, recognize: (...given: Parameters<typeof ear.recognize>) => outside.watch(() => ear.recognize(...given)) };
  const counted = counts(metrics, provider);
  const recordings = { ear: watched, blobs, maxMs: settings.ASR_RECORDING_MAX_MS, counts: counted };
  return {
    asr: {
      recognize: recognize(recordings),
      follow_recording: followRecording(recordings),
      recognize_stream: recognizeStream(ear, counted),
      capabilities: async () => ({ ears: [{ provider, languages: [...languages], vocabulary, hasWordTimes, limits }] }),
    },
    stop: async () => ear.close?.(),
  };
});
