/** Telephony adapters by TELEPHONY_KIND. */
import type { Deps } from '../deps.ts';
import { asteriskSettings, asteriskTelephony } from '../vendors/asterisk/telephony.ts';
import { sipSettings } from '../vendors/sip/settings.ts';
import { sipTelephony } from '../vendors/sip/telephony.ts';
import { twilioSettings, twilioTelephony } from '../vendors/twilio/telephony.ts';
import { voximplantSettings, voximplantTelephony } from '../vendors/voximplant/telephony.ts';
import { heldTelephony } from './held-telephony.ts';
import { httpGateway, httpGatewaySettings } from './http.ts';
import type { LegGateway } from './leg-gateway.ts';
import { loopback, loopbackSettings } from './loopback.ts';
import { simulator, simulatorSettings } from './simulator.ts';

type HeldDeps = Pick<Deps, 'http' | 'log' | 'now'>;
const held =
  <O>(create: (options: O, deps: HeldDeps) => LegGateway) =>
  (options: O, deps: HeldDeps) =>
    heldTelephony(create(options, deps));

export const telephonyAdapters = {
  simulator: { settings: simulatorSettings, create: simulator },
  loopback: { settings: loopbackSettings, create: loopback },
  http: { settings: httpGatewaySettings, create: httpGateway },
  sip: { settings: sipSettings, create: held(sipTelephony) },
  asterisk: { settings: asteriskSettings, create: held(asteriskTelephony) },
  twilio: { settings: twilioSettings, create: held(twilioTelephony) },
  voximplant: { settings: voximplantSettings, create: held(voximplantTelephony) },
} as const;
