import { counter } from '../../contracts/kit/metric.ts';

export const framesDropped = counter('polyb_media_frames_dropped_total', {
  help: 'Frames of 20 ms from phones dropped because a listener was too slow.',
});
