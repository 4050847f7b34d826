import { counter } from '../../contracts/kit/metric.ts';

export const asrAudioSeconds = counter('polyb_asr_audio_seconds_total', {
  help: 'Seconds of audio sent to an ear.',
  labels: { provider: 'any' },
});
export const asrFinals = counter('polyb_asr_finals_total', {
  help: 'Final texts, and requests for a final without recognized speech (empty).',
  labels: { provider: 'any', outcome: ['heard', 'empty'] },
});
