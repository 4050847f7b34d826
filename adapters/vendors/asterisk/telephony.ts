/**
 * Telephony through an Asterisk 20.16, 22.6 or later: calls are placed with its REST interface, and their audio comes over its WebSocket
 * channel. `deploy/asterisk` has the dialplan that it needs.
 */
import { z } from 'zod';
import { durationMs, secret, text, url } from '../../../config/settings.ts';
import type { Deps } from '../../deps.ts';
import { type DialPlan, dialled, dialPlanForm } from '../../telephony/dial-plan.ts';
import { closeMs, heldLegs } from '../../telephony/held-legs.ts';
import type { LegGateway, LegHost, LegServer } from '../../telephony/leg-gateway.ts';
import { type MediaSocket, mediaServerSettings, type SocketListener, startMediaServer } from '../../telephony/media-server.ts';
import { causeOfQ850 } from '../../telephony/q850.ts';
import { type LegControl, type SocketLeg, type SocketLegOptions, socketLeg } from '../../telephony/socket-leg.ts';
import { ari, type ChannelEvent } from './ari.ts';
import { asteriskDialect } from './dialect.ts';

export const asteriskSettings = z.object({
  ...mediaServerSettings,
  ASTERISK_URL: url(['http', 'https']).describe('URL of the REST interface, e.g. http://127.0.0.1:8088/ari.'),
  ASTERISK_USER: text({ max: 100 }).describe('User of the REST interface.'),
  ASTERISK_PASSWORD: secret().describe('Password of this user.'),
  ASTERISK_ENDPOINT: text({ max: 100, like: /\{number\}/, expected: 'an endpoint with {number}, e.g. PJSIP/{number}@trunk' })
    .default('PJSIP/{number}@trunk')
    .describe('Endpoint that is dialled; {number} is the number of the dial plan.'),
  ASTERISK_CALLER_ID: text({ max: 64 }).optional().describe('Caller id of outbound calls. Default: that of the trunk.'),
  ASTERISK_CONTEXT: text({ max: 80 })
    .default('polyb-media')
    .describe('Context of the dialplan that connects an answered call with this system.'),
  ASTERISK_TRANSFER_CONTEXT: text({ max: 80 })
    .default('polyb-transfer')
    .describe('Context of the dialplan in which a transferred call goes on.'),
  ASTERISK_CONTROL: z
    .enum(['json', 'text'])
    .default('json')
    .describe('Form of control messages; releases before 20.18 and 22.8 know text only.'),
  ASTERISK_MEDIA_PATH: secret({ min: 16 }).describe('Last part of the URLs in websocket_client.conf, a secret of letters and digits.'),
  TELEPHONY_DIAL_PLAN: text({ like: dialPlanForm, expected: 'last:9 (or another number from 5 to 15), national or e164' })
    .default('e164')
    .describe('How the gateway expects the phone.'),
  TELEPHONY_RING_MS: durationMs({ min: 5_000, max: 300_000 }).default(60_000).describe('How long an outbound call rings at most.'),
});
export type AsteriskOptions = z.output<typeof asteriskSettings>;

export function asteriskTelephony(options: AsteriskOptions, deps: Pick<Deps, 'http' | 'log' | 'now'>): LegGateway {
  return {
    start: (host) => start(options, deps, host),
  };
}

async function start(options: AsteriskOptions, deps: Pick<Deps, 'http' | 'log' | 'now'>, host: LegHost): Promise<LegServer> {
  const { log, now } = deps;
  const server = await startMediaServer(options);
  const rest = ari({ url: options.ASTERISK_URL, user: options.ASTERISK_USER, password: options.ASTERISK_PASSWORD }, deps);
  const legs = heldLegs<SocketLeg>();
  /** Legs by channel, for the events of Asterisk. */
  const byChannel = new Map<string, SocketLeg>();
  let isFollowing = false;

  const stop = rest.follow(hear, (isConnected) => {
    isFollowing = isConnected;
    if (isConnected) void reconcile();
  });
  function hear(event: ChannelEvent): void {
    const leg = byChannel.get(event.channelId);
    if (leg === undefined) return;
    if (event.type === 'ringing') leg.state.reach('ringing');
    else if (event.type === 'up') leg.answered();
    else
      leg.ended({
        cause: event.cause === null ? 'unknown' : causeOfQ850(event.cause),
        q850: event.cause,
        by: leg.state.isAnswered ? 'remote' : 'network',
      });
  }
  /** Ends the legs whose channels went while their events could not be read. */
  async function reconcile(): Promise<void> {
    for (const [channelId, leg] of byChannel) {
      const isThere = await rest.exists(channelId, AbortSignal.timeout(5_000)).catch((err: unknown) => {
        log.warn({ err }, 'a channel of Asterisk could not be read');
        return true;
      });
      if (!isThere) leg.ended({ cause: 'unknown', by: 'network' });
    }
  }
  function channelControl(channelId: string): LegControl {
    return {
      hangUp: (signal) => rest.hangUp(channelId, signal),
      hold: (isHeld, signal) => rest.hold(channelId, isHeld, signal),
      transfer: (to, signal) =>
        rest.redirect(
          channelId,
          { context: options.ASTERISK_TRANSFER_CONTEXT, extension: dialled(options.TELEPHONY_DIAL_PLAN as DialPlan, to) },
          signal,
        ),
      sendDtmf: (digits) =>
        void rest
          .sendDtmf(channelId, digits, AbortSignal.timeout(5_000))
          .catch((err: unknown) => log.warn({ err, channelId }, 'keys could not be sent')),
    };
  }

  const path = server.open(
    {
      connected(socket, { url: asked }) {
        const { searchParams: given } = new URL(asked, 'ws://asterisk');
        const legId = given.get('leg');
        if (legId !== null) return legs.get(legId)?.connected(socket) ?? null;
        const channelId = given.get('channel');
        return channelId === null || legs.isDraining ? null : offer(channelId, given, socket);
      },
    },
    options.ASTERISK_MEDIA_PATH,
  );
  function offer(channelId: string, given: URLSearchParams, socket: MediaSocket): SocketListener | null {
    const dialect = asteriskDialect(options.ASTERISK_CONTROL, () => {});
    const leg = hold({
      ...host.identify(),
      direction: 'in',
      from: given.get('from') || null,
      to: given.get('to') || null,
      dialect,
      control: {
        ...channelControl(channelId),
        answer: async () => socket.send(dialect.command('ANSWER')),
        reject: async () => socket.send(dialect.command('HANGUP')),
      },
      channelId,
    });
    leg.state.reach('ringing');
    const listener = leg.connected(socket);
    host.offered(leg);
    return listener;
  }
  function hold({
    channelId,
    ...about
  }: Omit<SocketLegOptions, 'host' | 'log' | 'now' | 'onEnded'> & { readonly channelId: string }): SocketLeg {
    const leg = socketLeg({
      ...about,
      host,
      log,
      now,
      onEnded() {
        legs.remove(leg);
        byChannel.delete(channelId);
      },
    });
    legs.add(leg);
    byChannel.set(channelId, leg);
    host.held(leg);
    return leg;
  }

  return {
    async place({ callId, to, from }, { legId, signal }) {
      legs.mayAdd();
      const number = dialled(options.TELEPHONY_DIAL_PLAN as DialPlan, to);
      const callerId = from ?? options.ASTERISK_CALLER_ID;
      const leg = hold({
        legId,
        callId,
        direction: 'out',
        from: callerId ?? null,
        to,
        dialect: asteriskDialect(options.ASTERISK_CONTROL, () => leg.answered()),
        control: channelControl(legId),
        channelId: legId,
      });
      const variables = { POLYB_CLIENT: `polyb-${server.port}`, POLYB_LEG: legId };
      const timeoutSeconds = Math.ceil(options.TELEPHONY_RING_MS / 1000);
      await rest.originate(
        {
          channelId: legId,
          endpoint: options.ASTERISK_ENDPOINT.replace('{number}', number),
          context: options.ASTERISK_CONTEXT,
          callerId,
          timeoutSeconds,
          variables,
        },
        signal,
      );
    },
    leg: (legId) => legs.get(legId),
    abandon: ({ legId }, signal) => rest.hangUp(legId, signal),
    trunks() {
      return [
        {
          trunk: 'main',
          kind: 'asterisk',
          state: isFollowing ? 'ready' : 'unreachable',
          detail: isFollowing ? null : 'The events of Asterisk cannot be read; it is tried again each second.',
          legs: legs.size,
          maxLegs: null,
        },
      ];
    },
    async drain(signal) {
      await legs.drain(signal);
    },
    async close() {
      await legs.hangUpAll(AbortSignal.timeout(closeMs), (err) => log.warn({ err }, 'a leg could not be hung up'));
      path[Symbol.dispose]();
      stop();
      await server.close();
    },
  };
}
