import type { z } from 'zod';
import { detectors } from '../../../media/audio/detectors.ts';
import type { callSettings } from '../settings.ts';
import { russianRules } from './rules.ts';
import type { TalkParts } from './talk-parts.ts';

/** The rules and the speech detector of talks, by the settings of calls. */
export async function talkSettings(settings: z.output<typeof callSettings>): Promise<Required<Pick<TalkParts, 'rules' | 'detector'>>> {
  return {
    detector: await detectors[settings.CALL_VAD](),
    rules: {
      ...russianRules,
      greeting: settings.CALL_GREETING ?? russianRules.greeting,
      silenceMs: settings.CALL_SILENCE_MS,
      learnsSilence: settings.CALL_SILENCE === 'learned',
      asksEagerly: settings.CALL_EAGER_ANSWERS,
    },
  };
}
