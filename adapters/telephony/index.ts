/** The telephony vendors, by the name that TELEPHONY_KIND gives. */
import { httpGateway, httpGatewaySettings } from './http.ts';
import { simulator, simulatorSettings } from './simulator.ts';

export const telephonyAdapters = {
  simulator: { settings: simulatorSettings, create: simulator },
  http: { settings: httpGatewaySettings, create: httpGateway },
} as const;
