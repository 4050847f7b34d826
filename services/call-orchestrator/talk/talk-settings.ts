import type { z } from 'zod';
import { detectors } from '../../../media/audio/detectors.ts';
import type { callSettings } from '../settings.ts';
import { russianRules } from './rules.ts';
import type { TalkParts } from './talk-parts.ts';

type Settings = Pick<
  z.output<typeof callSettings>,
  'CALL_EAGER_ANSWERS' | 'CALL_GREETING' | 'CALL_SILENCE' | 'CALL_SILENCE_MS' | 'CALL_VAD'
>;
/** What the settings say about talks. */
export async function talkSettings(settings: Settings): Promise<Required<Pick<TalkParts, 'rules' | 'detector'>>> {
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
