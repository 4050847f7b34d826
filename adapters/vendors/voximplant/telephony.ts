/**
 * Telephony through Voximplant: a call is a session of our scenario (`deploy/voximplant/scenario.js`), which connects its audio with this
 * system over a WebSocket. Source: voximplant.com/docs (Management API, StartScenarios) and docs.voximplant.ai (VoxEngine).
 */
import { z } from 'zod';
import { durationMs, integer, origin, secret, text } from '../../../config/settings.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { closeMs, heldLegs } from '../../telephony/held-legs.ts';
import type { LegGateway, LegHost, LegServer } from '../../telephony/leg-gateway.ts';
import { type MediaSocket, mediaServerSettings, type OpenPath, startMediaServer } from '../../telephony/media-server.ts';
import { causeOfSip } from '../../telephony/sip-status.ts';
import { type LegControl, type SocketLeg, type SocketLegOptions, socketLeg } from '../../telephony/socket-leg.ts';
import { accountToken, ServiceAccount } from './jwt.ts';
import { type CallReport, voximplantDialect } from './media.ts';

export const voximplantSettings = z.object({
  ...mediaServerSettings,
  VOXIMPLANT_URL: origin().default('https://api.voximplant.com').describe('Origin of the Management API.'),
  VOXIMPLANT_CREDENTIALS: secret().describe('Content of the file of a service account with the role of starting scenarios.'),
  VOXIMPLANT_RULE_ID: integer({ min: 1, max: 2_000_000_000 }).describe('Rule that starts the scenario of deploy/voximplant.'),
  VOXIMPLANT_CALLER_ID: text({ max: 20, like: /^\+?\d{5,15}$/, expected: 'a verified phone, e.g. 74951234567' }).describe(
    'Phone from which outbound calls are placed.',
  ),
  VOXIMPLANT_INBOUND_PATH: secret({ min: 16 })
    .optional()
    .describe('Secret last part of the URL to which the scenario connects inbound calls.'),
  TELEPHONY_RING_MS: durationMs({ min: 5_000, max: 300_000 }).default(60_000).describe('How long an outbound call rings at most.'),
});
export type VoximplantOptions = z.output<typeof voximplantSettings>;

/** The scenario sees no more of `script_custom_data`. */
const customDataBytes = 200;
/** After this time without a connection of the scenario the session has failed. */
const connectMs = 20_000;
const Started = z.object({ result: z.number(), media_session_access_secure_url: z.url().max(500) });
const Refused = z.object({ error: z.object({ code: z.number(), msg: z.string().max(500) }) });
/** What another instance needs to end a call: the URL of the session. */
const Stored = z.object({ session: z.url().max(500) });

export function voximplantTelephony(options: VoximplantOptions, deps: Pick<Deps, 'http' | 'log' | 'now'>): LegGateway {
  const account = accountOf(options.VOXIMPLANT_CREDENTIALS);
  return { start: (host) => start(options, account, deps, host) };
}

async function start(
  options: VoximplantOptions,
  account: ServiceAccount,
  { http, log, now }: Pick<Deps, 'http' | 'log' | 'now'>,
  host: LegHost,
): Promise<LegServer> {
  const server = await startMediaServer(options);
  const legs = heldLegs<SocketLeg>();

  async function startScenario(data: string, signal: AbortSignal): Promise<string> {
    const answer = await http({
      method: 'POST',
      url: `${options.VOXIMPLANT_URL}/platform_api/StartScenarios`,
      operation: 'StartScenarios',
      headers: { authorization: `Bearer ${accountToken(account, now())}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ rule_id: String(options.VOXIMPLANT_RULE_ID), script_custom_data: data }).toString(),
      signal,
    });
    if (answer.status > 299) throw httpFailure(answer, 'The call', 'gateway_refused');
    const refused = Refused.safeParse(answer.json());
    if (refused.success) {
      const { code, msg } = refused.data.error;
      throw new PolybError('failed_precondition', `Voximplant has refused the call: ${msg} (${code}).`, { reason: 'gateway_refused' });
    }
    return Started.parse(answer.json()).media_session_access_secure_url;
  }
  /** The scenario ends its session on a request without a socket. */
  async function endSession(session: string, signal: AbortSignal): Promise<void> {
    const answer = await http({ method: 'POST', url: session, operation: 'end_session', body: 'end', signal });
    if (answer.status > 299 && answer.status !== 404) throw httpFailure(answer, 'Ending the session', 'gateway_refused');
  }
  function hold(
    ids: { readonly legId: string; readonly callId: string },
    about: Pick<SocketLegOptions, 'direction' | 'from' | 'to'>,
    session: () => string | undefined,
    path?: Disposable,
  ): SocketLeg {
    let socket: MediaSocket | undefined;
    const dialect = voximplantDialect((report) => follow(leg, report));
    const tell = (name: string, fields?: object): void => {
      if (socket === undefined) throw new PolybError('unavailable', 'The scenario has not connected yet.');
      socket.send(dialect.order(name, fields));
    };
    const control: LegControl = {
      async hangUp(signal) {
        const url = session();
        if (socket !== undefined) tell('hang_up');
        else if (url !== undefined) await endSession(url, signal);
      },
      answer: async () => tell('answer'),
      reject: async () => tell('reject'),
      hold: async (isHeld) => tell(isHeld ? 'hold' : 'resume'),
      transfer: async (to) => tell('transfer', { to }),
      sendDtmf: (digits) => tell('keys', { digits }),
    };
    const leg = socketLeg({
      ...ids,
      ...about,
      host,
      log,
      now,
      dialect,
      control,
      onConnected(next) {
        socket = next;
        clearTimeout(patience);
      },
      onEnded() {
        clearTimeout(patience);
        legs.remove(leg);
        path?.[Symbol.dispose]();
      },
    });
    const patience = setTimeout(() => {
      leg.ended({ cause: 'network_failure', by: 'network' });
      const url = session();
      if (url !== undefined)
        endSession(url, AbortSignal.timeout(5_000)).catch((err: unknown) => log.warn({ err }, 'a session could not be ended'));
    }, connectMs);
    legs.add(leg);
    host.held(leg);
    return leg;
  }
  function follow(leg: SocketLeg, report: CallReport): void {
    if (report.report === 'ringing') leg.state.reach('ringing');
    else if (report.report === 'answered') leg.answered();
    else {
      const isRefusal = report.code !== null && report.code >= 300;
      leg.ended({
        cause: isRefusal ? causeOfSip(report.code) : 'normal',
        by: report.by,
        ...(isRefusal ? { sipStatus: report.code } : {}),
      });
    }
  }

  const inbound: OpenPath | undefined =
    options.VOXIMPLANT_INBOUND_PATH === undefined
      ? undefined
      : server.open(
          {
            connected(socket, { url }) {
              if (legs.isDraining) return null;
              const { searchParams: given } = new URL(url, 'ws://voximplant');
              const about = { direction: 'in' as const, from: given.get('from') || null, to: given.get('to') || null };
              const leg = hold(host.identify(), about, () => undefined);
              leg.state.reach('ringing');
              const listener = leg.connected(socket);
              host.offered(leg);
              return listener;
            },
          },
          options.VOXIMPLANT_INBOUND_PATH,
        );

  return {
    async place({ callId, to, from }, { legId, signal }) {
      legs.mayAdd();
      let session: string | undefined;
      const caller = from ?? options.VOXIMPLANT_CALLER_ID;
      const path = server.open({ connected: (socket) => leg.connected(socket) });
      const data = JSON.stringify({
        u: path.socketUrl,
        n: to.replace(/^\+/, ''),
        c: caller,
        s: Math.ceil(options.TELEPHONY_RING_MS / 1000),
      });
      if (Buffer.byteLength(data) > customDataBytes) {
        path[Symbol.dispose]();
        throw new PolybError('failed_precondition', 'TELEPHONY_MEDIA_URL is too long for Voximplant; use one of at most 80 characters.', {
          reason: 'gateway_refused',
        });
      }
      const leg = hold({ legId, callId }, { direction: 'out', from: caller, to }, () => session, path);
      session = await startScenario(data, signal);
      await host.save(legId, { session } satisfies z.output<typeof Stored>);
    },
    leg: (legId) => legs.get(legId),
    async abandon({ data }, signal) {
      const stored = Stored.safeParse(data);
      if (stored.success) await endSession(stored.data.session, signal);
    },
    trunks: () => [{ trunk: 'main', kind: 'voximplant', state: 'ready', detail: null, legs: legs.size, maxLegs: null }],
    async drain(signal) {
      await legs.drain(signal);
    },
    async close() {
      await legs.hangUpAll(AbortSignal.timeout(closeMs), (err) => log.warn({ err }, 'a leg could not be hung up'));
      inbound?.[Symbol.dispose]();
      await server.close();
    },
  };
}

function accountOf(written: string): ServiceAccount {
  try {
    return ServiceAccount.parse(JSON.parse(written));
  } catch {
    throw new PolybError(
      'failed_precondition',
      'VOXIMPLANT_CREDENTIALS: expected the JSON of a service account with account_id, key_id and private_key.',
      {
        reason: 'bad_settings',
      },
    );
  }
}
