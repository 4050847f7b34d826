import { z } from 'zod';
import { webrtcSettings } from '../../adapters/vendors/webrtc/telephony.ts';
import { durationMs } from '../../config/settings.ts';

export const telephonyGatewaySettings = z.object({
  ...webrtcSettings.shape,
  TELEPHONY_UNATTENDED_MS: durationMs({ max: 600_000 })
    .default(10_000)
    .describe('An answered leg that was spoken on and has nobody who speaks on it any more is hung up after this time.'),
  TELEPHONY_DRAIN_MS: durationMs({ max: 3_600_000 })
    .default(5_000)
    .describe('How long an instance that stops lets the legs that it holds go on before it hangs them up.'),
});
