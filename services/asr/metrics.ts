import { counter } from '../../contracts/kit/metric.ts';

export const asrAudioSeconds = counter('polyb_asr_audio_seconds_total', {
  help: 'Seconds of audio that an ear was given.',
  labels: { provider: 'any' },
});
export const asrFinals = counter('polyb_asr_finals_total', {
  help: 'Final texts, and requests for one that found no speech that the ear knows (empty).',
  labels: { provider: 'any', outcome: ['heard', 'empty'] },
});
