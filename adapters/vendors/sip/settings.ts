import { z } from 'zod';
import { durationMs, flag, integer, secret, text } from '../../../config/settings.ts';
import { dialPlanForm } from '../../telephony/dial-plan.ts';

const portsForm = /^(\d{1,5})-(\d{1,5})$/;
/** The address of a proxy. */
export const uriForm = /^sips?:(?:[\w.+*-]{1,64}@)?(?:[\w.-]{1,120}|\[[\da-fA-F:]{2,45}\])(?::\d{1,5})?(?:;transport=(?:udp|tcp|tls))?$/;

export const sipSettings = z.object({
  SIP_ADDRESS: text({ max: 45, like: /^[\d.]+$|^[\da-fA-F:]+$/, expected: 'an IP address of this machine, e.g. 192.0.2.10' })
    .default('127.0.0.1')
    .describe('Address of this machine at which SIP and RTP are sent and received.'),
  SIP_ADVERTISED_ADDRESS: text({ max: 120, like: /^[\w.:-]+$/, expected: 'an address or a name' })
    .optional()
    .describe('Address that peers are given instead, as behind a NAT with forwarded ports.'),
  SIP_TRANSPORTS: text({ max: 11, like: /^(udp|tcp|tls)(,(udp|tcp|tls)){0,2}$/, expected: 'udp, tcp and tls, separated by commas' })
    .default('udp')
    .describe('Protocols of SIP.'),
  SIP_PORT: integer({ min: 1, max: 65_535 })
    .optional()
    .describe(
      'Port at which peers call without a registration, shared by all instances; that of tls is one higher. Default: none, for a trunk with a registration knows the port of the instance.',
    ),
  SIP_PORTS: text({ max: 11, like: portsForm, expected: 'a range of ports, e.g. 5070-5079' })
    .optional()
    .describe('Ports from which each instance takes one of its own for each protocol. Default: any free one.'),
  RTP_PORTS: text({ max: 11, like: portsForm, expected: 'a range of ports, e.g. 20000-29999' })
    .optional()
    .describe('UDP ports of audio, two for each call. Default: any free ones.'),
  SIP_TLS_KEY: secret().optional().describe('Private key of this system for tls, PEM.'),
  SIP_TLS_CERT: text({ max: 20_000, like: /BEGIN CERTIFICATE/, expected: 'a certificate, PEM' })
    .optional()
    .describe('Its certificate, PEM.'),
  SIP_TLS_CA: text({ max: 20_000, like: /BEGIN CERTIFICATE/, expected: 'certificates, PEM' })
    .optional()
    .describe('Authorities that are trusted for tls. Default: those of Node.'),
  SIP_TRUNK: text({ max: 200, like: uriForm, expected: 'a SIP URI, e.g. sip:sip.provider.example;transport=tcp' })
    .optional()
    .describe('Proxy of the trunk through which calls go out. Without it only addresses such as sip:anna@10.0.0.5 can be dialled.'),
  SIP_USER: text({ max: 64, like: /^[\w.+*-]+$/, expected: 'the user of the trunk' })
    .optional()
    .describe('User of the trunk, for digest and registration.'),
  SIP_PASSWORD: secret().optional().describe('Password of this user.'),
  SIP_REGISTER: flag().default(false).describe('Register with the trunk, so that it sends inbound calls.'),
  SIP_CALLER_ID: text({ max: 64, like: /^[\w.+*-]+$/, expected: 'a number, e.g. +74951234567' })
    .optional()
    .describe('Caller id of outbound calls. Default: SIP_USER.'),
  SIP_TRUNKS: text({ max: 300 })
    .optional()
    .describe(
      'A JSON file with further trunks: [{ "trunk": "second", "uri": "sip:…", "user", "password", "register", "callerId", "maxCalls", "callsPerSecond" }]. The one of SIP_TRUNK is main.',
    ),
  SIP_CODECS: text({ max: 9, like: /^PCM[AU](,PCM[AU])?$/, expected: 'PCMA and PCMU in order of preference' })
    .default('PCMA,PCMU')
    .describe('Codecs in order of preference.'),
  SIP_SRTP: z
    .enum(['off', 'offered', 'required'])
    .default('off')
    .describe('Encryption of audio (SDES): used where the other side offers it, or demanded.'),
  SIP_SESSION_EXPIRES_MS: durationMs({ min: 90_000, max: 86_400_000 })
    .default(1_800_000)
    .describe('Session timer that outbound calls offer.'),
  SIP_MAX_CALLS: integer({ min: 1, max: 2_000 }).default(400).describe('Calls of one instance at a time; further inbound ones get 503.'),
  SIP_CALLS_PER_SECOND: integer({ min: 1, max: 1_000 }).default(50).describe('Outbound calls through main in a second; more of them wait.'),
  TELEPHONY_DIAL_PLAN: text({ like: dialPlanForm, expected: 'last:9 (or another number from 5 to 15), national or e164' })
    .default('e164')
    .describe('How the gateway expects the phone.'),
  TELEPHONY_RING_MS: durationMs({ min: 5_000, max: 300_000 }).default(60_000).describe('How long an outbound call rings at most.'),
});
export type SipOptions = z.output<typeof sipSettings>;

/** First and last port of a range. */
export function portRange(written: string): readonly [first: number, last: number] {
  const [, first, last] = portsForm.exec(written) ?? [];
  return [Number(first), Number(last)];
}
