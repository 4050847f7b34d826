/**
 * Telephony through Twilio: calls are placed with its REST API, their audio comes as a bidirectional Media Stream, and their states as
 * status callbacks. Source: twilio.com/docs/voice (Calls resource, TwiML Stream, Media Streams).
 */
import { z } from 'zod';
import { durationMs, origin, secret, text } from '../../../config/settings.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Deps, HttpAnswer } from '../../deps.ts';
import { httpFailure } from '../../http-failure.ts';
import { closeMs, heldLegs } from '../../telephony/held-legs.ts';
import type { LegGateway, LegHost, LegServer } from '../../telephony/leg-gateway.ts';
import type { LegEnd } from '../../telephony/leg-state.ts';
import { type MediaPath, type MediaRequest, mediaServerSettings, type OpenPath, startMediaServer } from '../../telephony/media-server.ts';
import { type LegControl, type SocketLeg, type SocketLegOptions, socketLeg } from '../../telephony/socket-leg.ts';
import { twilioDialect } from './media-stream.ts';
import { isSignedByTwilio } from './signature.ts';

export const twilioSettings = z.object({
  ...mediaServerSettings,
  TWILIO_URL: origin().default('https://api.twilio.com').describe('Origin of the REST API.'),
  TWILIO_ACCOUNT_SID: text({ like: /^AC[0-9a-fA-F]{32}$/, expected: 'the Sid of an account, AC and 32 digits' }).describe('Account.'),
  TWILIO_AUTH_TOKEN: secret().describe('Token of the account; also proves that requests come from Twilio.'),
  TWILIO_CALLER_ID: text({ max: 20, like: /^\+\d{7,15}$/, expected: 'a phone of the account, e.g. +15005550006' }).describe(
    'Phone from which outbound calls are placed.',
  ),
  TWILIO_INBOUND_PATH: secret({ min: 16 })
    .optional()
    .describe('Secret last part of the URL that answers inbound calls, as the phone is configured at Twilio.'),
  TELEPHONY_RING_MS: durationMs({ min: 5_000, max: 300_000 }).default(60_000).describe('How long an outbound call rings at most.'),
});
export type TwilioOptions = z.output<typeof twilioSettings>;
/** Twilio waits 15 s for the reply. */
const decideMs = 10_000;
/** What another instance needs to end a call. */
const Stored = z.object({ callSid: z.string().max(64) });

export function twilioTelephony(options: TwilioOptions, deps: Pick<Deps, 'http' | 'log' | 'now'>): LegGateway {
  return { start: (host) => start(options, deps, host) };
}

async function start(options: TwilioOptions, { http, log, now }: Pick<Deps, 'http' | 'log' | 'now'>, host: LegHost): Promise<LegServer> {
  const server = await startMediaServer(options);
  const legs = heldLegs<SocketLeg>();
  const account = `/2010-04-01/Accounts/${options.TWILIO_ACCOUNT_SID}`;
  const authorization = `Basic ${Buffer.from(`${options.TWILIO_ACCOUNT_SID}:${options.TWILIO_AUTH_TOKEN}`).toString('base64')}`;
  const post = (
    path: string,
    operation: string,
    fields: readonly (readonly [string, string])[],
    signal: AbortSignal,
  ): Promise<HttpAnswer> =>
    http({
      method: 'POST',
      url: `${options.TWILIO_URL}${account}${path}`,
      operation,
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: form(fields),
      signal,
    });
  async function update(callSid: string, operation: string, field: readonly [string, string], signal: AbortSignal): Promise<void> {
    const answer = await post(`/Calls/${encodeURIComponent(callSid)}.json`, operation, [field], signal);
    // 21220: the call is not in progress any more.
    if (answer.status === 404 || (answer.status === 400 && answer.text().includes('21220'))) return;
    if (answer.status > 299) throw httpFailure(answer, 'Changing the call', 'gateway_refused');
  }
  const isGenuine =
    (url: () => { readonly socketUrl: string; readonly httpUrl: string }) =>
    ({ headers }: MediaRequest, body: string): boolean => {
      const { socketUrl, httpUrl } = url();
      const signature = headers['x-twilio-signature'];
      return headers.upgrade === undefined
        ? isSignedByTwilio(options.TWILIO_AUTH_TOKEN, httpUrl, signature, Object.fromEntries(new URLSearchParams(body)))
        : isSignedByTwilio(options.TWILIO_AUTH_TOKEN, socketUrl, signature);
    };
  function controlOf(callSid: () => string | undefined): LegControl {
    const sid = (): string => {
      const found = callSid();
      if (found === undefined) throw new PolybError('unavailable', 'Twilio has not accepted the call yet.');
      return found;
    };
    return {
      hangUp: (signal) => update(sid(), 'hang_up', ['Status', 'completed'], signal),
      transfer: (to, signal) => update(sid(), 'transfer', ['Twiml', `<Response><Dial>${to}</Dial></Response>`], signal),
    };
  }
  /** Acts on a status callback. */
  function follow(leg: SocketLeg, body: string): void {
    const fields = new URLSearchParams(body);
    const status = fields.get('CallStatus') ?? '';
    if (status === 'ringing') leg.state.reach('ringing');
    else if (status === 'in-progress') leg.answered();
    const end = endOf(status, leg.state.isAnswered, Number(fields.get('SipResponseCode') ?? 0));
    if (end !== null) leg.ended(end);
  }

  /** Twilio waits for what to do with the call until the leg is answered or refused. */
  async function offer(fields: URLSearchParams): Promise<string> {
    const callSid = fields.get('CallSid') ?? '';
    const decided = Promise.withResolvers<string>();
    const leg = hold(host.identify(), {
      direction: 'in',
      from: fields.get('From'),
      to: fields.get('To'),
      control: {
        ...controlOf(() => callSid),
        answer: async () => decided.resolve(connectTwiml(path.socketUrl)),
        reject: async () => decided.resolve(rejectTwiml),
      },
    });
    const { path } = leg;
    await host.save(leg.legId, { callSid } satisfies z.output<typeof Stored>);
    leg.state.reach('ringing');
    host.offered(leg);
    const timer = setTimeout(() => {
      decided.resolve(rejectTwiml);
      leg.ended({ cause: 'no_answer', by: 'system' });
    }, decideMs);
    return decided.promise.finally(() => clearTimeout(timer));
  }
  function hold(
    ids: { readonly legId: string; readonly callId: string },
    about: Pick<SocketLegOptions, 'direction' | 'from' | 'to' | 'control'>,
  ): SocketLeg & { readonly path: OpenPath } {
    const path = server.open({
      isGenuine: isGenuine(() => path),
      connected: (socket) => leg.connected(socket),
      posted: (body) => {
        follow(leg, body);
        return null;
      },
    });
    const leg = socketLeg({
      ...ids,
      ...about,
      host,
      log,
      now,
      dialect: twilioDialect(() => leg.answered()),
      onEnded() {
        legs.remove(leg);
        path[Symbol.dispose]();
      },
    });
    legs.add(leg);
    host.held(leg);
    return Object.assign(leg, { path });
  }
  const inboundPath: MediaPath = {
    isGenuine: isGenuine(() => inbound as NonNullable<typeof inbound>), // A request at this path comes after it was opened.
    connected: () => null,
    posted: (body) => (legs.isDraining ? rejectTwiml : offer(new URLSearchParams(body))),
  };
  const inbound = options.TWILIO_INBOUND_PATH === undefined ? undefined : server.open(inboundPath, options.TWILIO_INBOUND_PATH);

  return {
    async place({ callId, to, from }, { legId, signal }) {
      legs.mayAdd();
      let callSid: string | undefined;
      const callerId = from ?? options.TWILIO_CALLER_ID;
      const { path } = hold({ legId, callId }, { direction: 'out', from: callerId, to, control: controlOf(() => callSid) });
      const events = ['initiated', 'ringing', 'answered', 'completed'].map((name) => ['StatusCallbackEvent', name] as const);
      const answer = await post(
        '/Calls.json',
        'dial',
        [
          ['To', to],
          ['From', callerId],
          ['Twiml', connectTwiml(path.socketUrl)],
          ['Timeout', String(Math.ceil(options.TELEPHONY_RING_MS / 1000))],
          ['StatusCallback', path.httpUrl],
          ['StatusCallbackMethod', 'POST'],
          ...events,
        ],
        signal,
      );
      if (answer.status > 299) throw httpFailure(answer, 'The call', 'gateway_refused');
      callSid = z.object({ sid: z.string().min(1).max(64) }).parse(answer.json()).sid;
      await host.save(legId, { callSid } satisfies z.output<typeof Stored>);
    },
    leg: (legId) => legs.get(legId),
    async abandon({ data }, signal) {
      const stored = Stored.safeParse(data);
      if (stored.success) await update(stored.data.callSid, 'hang_up', ['Status', 'completed'], signal);
    },
    trunks: () => [{ trunk: 'main', kind: 'twilio', state: 'ready', detail: null, legs: legs.size, maxLegs: null }],
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

/** A form in which a name may come more than once. */
function form(fields: readonly (readonly [string, string])[]): string {
  const params = new URLSearchParams();
  for (const [name, value] of fields) params.append(name, value);
  return params.toString();
}
const rejectTwiml = '<Response><Reject reason="busy"/></Response>';
function connectTwiml(socketUrl: string): string {
  return `<Response><Connect><Stream url="${socketUrl}"/></Connect></Response>`;
}
/** Null for a status that is no end. */
function endOf(status: string, isAnswered: boolean, sipStatus: number): LegEnd | null {
  const sip = sipStatus >= 100 && sipStatus <= 699 ? { sipStatus } : {};
  switch (status) {
    case 'completed':
      return { cause: 'normal', by: 'remote', ...sip };
    case 'busy':
      return { cause: sipStatus === 603 ? 'rejected' : 'busy', by: 'remote', ...sip };
    case 'no-answer':
      return { cause: 'no_answer', by: 'network', ...sip };
    case 'canceled':
      return { cause: 'cancelled', by: 'system', ...sip };
    case 'failed':
      return { cause: isAnswered ? 'network_failure' : sipStatus === 404 ? 'wrong_number' : 'unreachable', by: 'network', ...sip };
    default:
      return null;
  }
}
