import { z } from 'zod';
import { webrtcSettings } from '../../adapters/vendors/webrtc/telephony.ts';
import { durationMs, text } from '../../config/settings.ts';
import { numbersForm, trunkForm } from './test-phones.ts';

export const telephonyGatewaySettings = z.object({
  ...webrtcSettings.shape,
  TELEPHONY_UNATTENDED_MS: durationMs({ max: 600_000 })
    .default(10_000)
    .describe('An answered leg is hung up this long after its last speaker (line script or agent) has gone.'),
  TELEPHONY_TEST_NUMBERS: text({ max: 500, like: numbersForm, expected: 'phones, separated by commas, e.g. +79995550172' })
    .optional()
    .describe('Phones that ring at TELEPHONY_TEST_TRUNK instead of the gateway: a SIP phone of this machine, as in the demo.'),
  TELEPHONY_TEST_TRUNK: text({ max: 200, like: trunkForm, expected: 'a SIP URI on loopback, e.g. sip:127.0.0.1:5172' })
    .default('sip:127.0.0.1:5172')
    .describe('SIP URI at which the test numbers ring.'),
  TELEPHONY_RECORDING: z
    .enum(['all', 'off'])
    .default('all')
    .describe(
      'all: records every answered call; callers must be informed of it, as the built-in script does. off: records only on request.',
    ),
  TELEPHONY_RECORDING_DIR: text({ max: 500 })
    .default('.polyb/recordings')
    .describe('Local folder for recordings of calls in progress; they move to the blob store afterwards.'),
  TELEPHONY_RECORDING_KEEP_MS: durationMs({ min: 3_600_000, max: 3_650 * 86_400_000 })
    .default(180 * 86_400_000)
    .describe('How long recordings are kept.'),
  TELEPHONY_DRAIN_MS: durationMs({ max: 3_600_000 })
    .default(600_000)
    .describe('How long a stopping instance lets its legs go on before it hangs them up.')
    .meta({ drains: true }),
});
