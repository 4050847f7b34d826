/** Detectors of speech by name. */
import { sileroActivity } from './silero.ts';
import { voiceActivity } from './voice-activity.ts';

export const detectors = { fvad: voiceActivity, silero: sileroActivity } as const;
