/** Telephony adapters by TELEPHONY_KIND. */
import { httpGateway, httpGatewaySettings } from './http.ts';
import { simulator, simulatorSettings } from './simulator.ts';

export const telephonyAdapters = {
  simulator: { settings: simulatorSettings, create: simulator },
  http: { settings: httpGatewaySettings, create: httpGateway },
} as const;
