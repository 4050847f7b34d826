import { counter } from '../../contracts/kit/metric.ts';

export const ttsAudioSeconds = counter('polyb_tts_audio_seconds_total', {
  help: 'Seconds of speech delivered, including speech from the cache.',
  labels: { provider: 'any' },
});
