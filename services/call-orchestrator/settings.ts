import { z } from 'zod';
import { voiceSettings } from '../../adapters/tts/settings.ts';
import { durationMs, flag, integer, text } from '../../config/settings.ts';
import { TimeZone } from '../../contracts/common.ts';
import { parseHours } from './hours.ts';
import { calleesOf, parseRoutes } from './routes.ts';

export const callSettings = z.object({
  ...voiceSettings,
  CALL_HOURS: text({ max: 11 })
    .refine((written) => parseHours(written) !== null)
    .meta({ expected: 'hours of one day, e.g. 09:00-21:00' })
    .optional()
    .describe('Hours in which calls may start, in the time zone of the callee. Default: 09:00-21:00; with the simulator 00:00-24:00.'),
  CALL_ATTEMPTS_PER_DAY: integer({ min: 1, max: 1_000_000 })
    .optional()
    .describe('Maximum calls to one phone per day, in the time zone of the callee. Default: 3; with the simulator 1000.'),
  CALL_TIME_ZONE: TimeZone.meta({ expected: 'an IANA time zone, e.g. Europe/Moscow' })
    .default('Europe/Moscow')
    .describe('Default time zone of callees.'),
  CALL_ROUTES: text({ max: 4000 })
    .refine((written) => parseRoutes(written) !== null)
    .meta({
      expected:
        'NUMBER=script, NUMBER=dialog, NUMBER=realtime, NUMBER=person:PHONE or NUMBER=queue:PHONE/PHONE, separated by commas; * is every other number',
    })
    .default('')
    .describe('Routes of inbound calls by the called number. Calls to a number without an entry are refused.'),
  CALL_SCRIPT: text({ max: 300 })
    .optional()
    .describe('A JSON file with the script that speaks on answered calls; WAV files are beside it. Default: a built-in one in Russian.'),
  CALL_ATTENDANT: z
    .enum(['script', 'dialog', 'realtime'])
    .default('script')
    .describe('Who speaks on answered outbound calls: the line script, the agent of the dialog, which listens, or a speech model.'),
  CALL_REALTIME_TURNS: z
    .enum(['own', 'server_vad', 'semantic_vad'])
    .default('own')
    .describe('What detects the end of a customer’s turn for a speech model: this system, or the provider by silence or by meaning.'),
  CALL_GREETING: text({ max: 500 }).optional().describe('The agent’s greeting; it should announce the recording. Default: a Russian one.'),
  CALL_SILENCE_MS: durationMs({ min: 200, max: 3_000 })
    .default(500)
    .describe('Silence after which the agent answers. It waits longer while the customer gives a number, a name or an address.'),
  CALL_PEOPLE: text({ max: 1000 })
    .refine((written) => calleesOf(written) !== null)
    .meta({ expected: 'phones or SIP addresses, separated by /' })
    .default('')
    .describe(
      'People to whom the agent hands over a call; they are called in turn, during opening hours, until one takes it. Without any, it takes a message.',
    ),
  CALL_SILENCE: z
    .enum(['learned', 'fixed'])
    .default('learned')
    .describe('learned: the silence becomes longer, up to twice, for a customer who makes longer pauses.'),
  CALL_VAD: z
    .enum(['fvad', 'silero'])
    .default('fvad')
    .describe(
      'What detects the customer’s speech in a call: the detector of WebRTC, or Silero, a neural network that does not take noise for speech and needs about 1 % of a processor core per call.',
    ),
  CALL_EAGER_ANSWERS: flag()
    .default(true)
    .describe(
      'Whether the model is asked as soon as the customer’s words are known, before the silence that ends their turn. It answers sooner, and at most three answers a turn are discarded because the customer goes on.',
    ),
  CALL_TRANSCRIPT_KEEP_MS: durationMs({ min: 3_600_000, max: 3_650 * 86_400_000 })
    .default(180 * 86_400_000)
    .describe('How long the transcripts of calls are kept.'),
  CALL_TRANSFER_RING_MS: durationMs({ min: 1000, max: 180_000 })
    .default(25_000)
    .describe(
      'How long the phone of a person rings at a hand-over before the next one is asked or the customer hears that nobody can answer.',
    ),
  CALL_MAX_MS: durationMs({ min: 1000, max: 86_400_000 }).default(7_200_000).describe('A call without news for this long counts as ended.'),
});
