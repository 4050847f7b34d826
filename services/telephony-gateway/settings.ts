import { z } from 'zod';
import { webrtcSettings } from '../../adapters/vendors/webrtc/telephony.ts';
import { durationMs, text } from '../../config/settings.ts';
import { numbersForm, trunkForm } from './test-phones.ts';

export const telephonyGatewaySettings = z.object({
  ...webrtcSettings.shape,
  TELEPHONY_UNATTENDED_MS: durationMs({ max: 600_000 })
    .default(10_000)
    .describe('An answered leg that was spoken on and has nobody who speaks on it any more is hung up after this time.'),
  TELEPHONY_TEST_NUMBERS: text({ max: 500, like: numbersForm, expected: 'phones, separated by commas, e.g. +79995550172' })
    .optional()
    .describe('Phones that ring at TELEPHONY_TEST_TRUNK, whatever the gateway is: a SIP phone of this machine, as in the demo.'),
  TELEPHONY_TEST_TRUNK: text({ max: 200, like: trunkForm, expected: 'a SIP URI on loopback, e.g. sip:127.0.0.1:5172' })
    .default('sip:127.0.0.1:5172')
    .describe('Where the test numbers ring.'),
  TELEPHONY_RECORDING: z
    .enum(['all', 'off'])
    .default('all')
    .describe('all: every answered call is recorded; the people must be told, as the built-in script does. off: only on request.'),
  TELEPHONY_RECORDING_DIR: text({ max: 500 })
    .default('.polyb/recordings')
    .describe('Folder of this machine for recordings of calls that go on; they move to the blob store afterwards.'),
  TELEPHONY_RECORDING_KEEP_MS: durationMs({ min: 3_600_000, max: 3_650 * 86_400_000 })
    .default(180 * 86_400_000)
    .describe('How long recordings are kept.'),
  TELEPHONY_DRAIN_MS: durationMs({ max: 3_600_000 })
    .default(600_000)
    .describe('How long an instance that stops lets the legs that it holds go on before it hangs them up.')
    .meta({ drains: true }),
});
