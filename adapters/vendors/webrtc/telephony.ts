/** Telephony with browsers: a person's pages ring, or a page calls. Signalling is the service's; audio goes straight to the browser. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { durationMs, text } from '../../../config/settings.ts';
import { isPolybError, PolybError } from '../../../contracts/kit/errors.ts';
import type { Log } from '../../deps.ts';
import { closeMs, heldLegs } from '../../telephony/held-legs.ts';
import type { LegGateway, LegHost, LegServer } from '../../telephony/leg-gateway.ts';
import type { SocketListener } from '../../telephony/media-server.ts';
import type { Leg } from '../../telephony/port.ts';
import { type SocketLeg, type SocketLegOptions, socketLeg } from '../../telephony/socket-leg.ts';
import { lineDialect, pacedLine } from './line.ts';
import { readOffer } from './offer.ts';
import { answerOffer, type Listen, type Peer } from './peer.ts';

const listenForm = /^([\d.]+|\[[\da-fA-F:]+\]):(\d{1,5})-(\d{1,5})$/;
export const webrtcSettings = z.object({
  WEBRTC_LISTEN: text({ max: 60, like: listenForm, expected: 'an IP address and a range of UDP ports, e.g. 192.0.2.10:40000-40099' })
    .optional()
    .describe('Address and UDP ports for calls in a browser, one port a call. Without it, the page Phone cannot call.'),
  WEBRTC_PUBLIC_ADDRESS: text({ max: 45, like: /^[\d.]+$|^[\da-fA-F:]+$/, expected: 'an IP address' })
    .optional()
    .describe('Address at which browsers reach WEBRTC_LISTEN, behind a NAT that forwards its ports.'),
  WEBRTC_RING_MS: durationMs({ min: 5_000, max: 300_000 }).default(45_000).describe('How long the pages of a person ring at most.'),
});
export type WebrtcOptions = z.output<typeof webrtcSettings> & { readonly WEBRTC_LISTEN: string };

export interface WebrtcDeps {
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  /** Whether a page of the person `person:ID` is open. */
  readonly hasPage: (callee: string) => boolean | Promise<boolean>;
  readonly limits?: Partial<typeof limits>;
  /** Called once with what pages act through. */
  readonly started?: (phones: Softphones) => void;
}
const limits = {
  /** From the answer to the connection of ICE and DTLS. */
  connectMs: 20_000,
  /** A browser sends audio also while it is muted; a closed tab does not. */
  silentMs: 10_000,
};

/** Legs of browsers, and what a page does with them. */
export interface Softphones extends LegServer {
  /**
   * A page calls; the host decides what becomes of the leg.
   * @throws PolybError invalid_argument/bad_offer, unavailable while draining, resource_exhausted without a free port
   */
  call(call: {
    readonly from: string;
    readonly to: string;
    readonly offer: string;
  }): Promise<{ readonly legId: string; readonly callId: string; readonly answer: string }>;
  /** A page answers a ring. @throws PolybError failed_precondition/ring_over, invalid_argument/bad_offer */
  take(legId: string, by: { readonly ring: string; readonly offer: string }): Promise<{ readonly answer: string }>;
  /** A page refuses a ring, for all pages of the person. @throws PolybError failed_precondition/ring_over */
  refuse(legId: string, by: { readonly ring: string; readonly cause: 'busy' | 'rejected' }): Promise<void>;
  /** A page hangs up. No effect on a leg that has ended. */
  hangUp(legId: string): void;
  /** Keys of a page that cannot send them with its audio. @throws PolybError failed_precondition/not_answered */
  press(legId: string, digits: string): void;
}
export interface WebrtcGateway extends LegGateway {
  start(host: LegHost): Promise<Softphones>;
}
/** What the row of a ringing leg has. `ring` is good for one answer. */
export const RingData = z.object({ ring: z.string().max(64) });

export function webrtcTelephony(options: WebrtcOptions, deps: WebrtcDeps): WebrtcGateway {
  return {
    async start(host) {
      const phones = start(options, deps, host);
      deps.started?.(phones);
      return phones;
    },
  };
}

/** A leg, and what makes it one of a browser. */
interface PageLeg {
  readonly leg: SocketLeg;
  /** Good once; null for a call from a page, and after the ring. */
  ring: string | null;
  peer: Peer | null;
  /** Hears what the browser sends, once it is connected. */
  listener: SocketListener | null;
  readonly connected: PromiseWithResolvers<void>;
  /** Of the ring, then of the connection, then of the audio. */
  timer: NodeJS.Timeout | undefined;
}

function start(options: WebrtcOptions, { log, now, hasPage, limits: given }: WebrtcDeps, host: LegHost): Softphones {
  const { connectMs, silentMs } = { ...limits, ...given };
  const listen = listenOf(options);
  const portCount = listen.ports[1] - listen.ports[0] + 1;
  const legs = heldLegs<SocketLeg>();
  const pages = new Map<string, PageLeg>();

  function hold(about: Pick<SocketLegOptions, 'legId' | 'callId' | 'direction' | 'from' | 'to'>, ring: string | null): PageLeg {
    const connected = Promise.withResolvers<void>();
    connected.promise.catch(() => {}); // A leg may end without anybody who waits for it.
    const leg = socketLeg({
      ...about,
      host,
      log,
      now,
      dialect: lineDialect,
      control: {
        hangUp: async () => {}, // The page sees the end in its list of calls, and the connection closes.
        reject: async () => {},
        answer: (signal) => orAborted(connected.promise, signal),
      },
      onEnded() {
        clearTimeout(page.timer);
        connected.reject(new PolybError('failed_precondition', 'The leg has ended.', { reason: 'not_answered' }));
        void page.peer?.close().catch((err: unknown) => log.warn({ err }, 'a connection with a browser could not be closed'));
        pages.delete(about.legId);
        legs.remove(leg);
      },
    });
    const page: PageLeg = { leg, ring, peer: null, listener: null, connected, timer: undefined };
    legs.add(leg);
    pages.set(about.legId, page);
    host.held(leg);
    return page;
  }
  function endsAfter(page: PageLeg, ms: number, end: Parameters<SocketLeg['ended']>[0]): void {
    clearTimeout(page.timer);
    page.timer = setTimeout(() => page.leg.ended(end), ms);
  }

  /** Answers the offer. The leg ends if the browser does not connect. */
  async function connect(page: PageLeg, sdp: string): Promise<string> {
    const { leg } = page;
    endsAfter(page, connectMs, { cause: 'network_failure', by: 'network' });
    try {
      page.peer = await answerOffer(readOffer(sdp), listen, {
        connected: () => connectedTo(page),
        lost: () => leg.ended({ cause: leg.state.isAnswered ? 'media_lost' : 'network_failure', by: 'remote' }),
        audio(audio) {
          page.timer?.refresh();
          page.listener?.message(audio);
        },
        key: (digit) => page.listener?.message(`key ${digit}`),
      });
    } catch (thrown) {
      leg.ended({ cause: 'incompatible', by: 'remote' });
      throw isPolybError(thrown) ? thrown : unreadable(thrown);
    }
    if (!leg.state.hasEnded) return page.peer.answer;
    await page.peer.close();
    throw ringOver();
  }
  function connectedTo(page: PageLeg): void {
    const { leg, peer } = page;
    const line = pacedLine({
      now: () => performance.now(),
      send: (frame, skipped) => peer?.send(frame, skipped),
      report: (message) => page.listener?.message(message),
      onClosed: () => {},
    });
    page.listener = leg.connected(line);
    if (page.listener === null) {
      line.close();
      return;
    }
    endsAfter(page, silentMs, { cause: 'media_lost', by: 'remote' });
    page.listener.message('ready');
    page.connected.resolve();
    if (leg.direction === 'out') leg.answered();
  }
  /** The leg whose ring this is; it rings no more. */
  function ringing(legId: string, ring: string): PageLeg {
    const page = pages.get(legId);
    if (page === undefined || page.ring === null || page.ring !== ring) throw ringOver();
    page.ring = null;
    return page;
  }
  function mayAdd(): void {
    legs.mayAdd();
    if (legs.size >= portCount)
      throw new PolybError('resource_exhausted', `All ${portCount} ports of WEBRTC_LISTEN are in use.`, { retryAfterMs: 10_000 });
  }

  return {
    async place({ callId, to, from }, { legId }) {
      mayAdd();
      if (!to.startsWith('person:'))
        throw new PolybError('failed_precondition', 'Only people can be called in a browser; expected person:ID.', {
          reason: 'gateway_refused',
          outcome: 'not_executed',
        });
      const ring = randomBytes(24).toString('base64url');
      const page = hold({ legId, callId, direction: 'out', from: from ?? null, to }, ring);
      if (!(await hasPage(to))) return page.leg.ended({ cause: 'unreachable', by: 'network' });
      await host.save(legId, { ring });
      endsAfter(page, options.WEBRTC_RING_MS, { cause: 'no_answer', by: 'network' });
      page.leg.state.reach('ringing');
    },
    async call({ from, to, offer }) {
      mayAdd();
      readOffer(offer); // Before there is a leg.
      const page = hold({ ...host.identify(), direction: 'in', from, to }, null);
      const answer = await connect(page, offer);
      page.leg.state.reach('ringing');
      host.offered(page.leg);
      return { legId: page.leg.legId, callId: page.leg.callId, answer };
    },
    async take(legId, { ring, offer }) {
      readOffer(offer); // The ring goes on.
      return { answer: await connect(ringing(legId, ring), offer) };
    },
    async refuse(legId, { ring, cause }) {
      ringing(legId, ring).leg.ended({ cause, by: 'remote' });
    },
    hangUp(legId) {
      const leg = pages.get(legId)?.leg;
      leg?.ended({ cause: leg.state.isAnswered ? 'normal' : 'cancelled', by: 'remote' });
    },
    press(legId, digits) {
      const page = pages.get(legId);
      if (page === undefined || !page.leg.state.isAnswered)
        throw new PolybError('failed_precondition', 'There is no call in which keys can be pressed.', { reason: 'not_answered' });
      for (const digit of digits) page.listener?.message(`key ${digit}`);
    },
    leg: (legId): Leg | undefined => legs.get(legId),
    async abandon() {}, // The browser has lost the connection with its process, and sees the end in its list of calls.
    trunks: () => [{ trunk: 'browser', kind: 'webrtc', state: 'ready', detail: null, legs: legs.size, maxLegs: portCount }],
    drain: (signal) => legs.drain(signal),
    close: () => legs.hangUpAll(AbortSignal.timeout(closeMs), (err) => log.warn({ err }, 'a leg could not be hung up')),
  };
}

function listenOf({ WEBRTC_LISTEN, WEBRTC_PUBLIC_ADDRESS }: WebrtcOptions): Listen {
  const [, address = '', first, last] = listenForm.exec(WEBRTC_LISTEN) ?? [];
  return { address: address.replace(/^\[|\]$/g, ''), ports: [Number(first), Number(last)], publicAddress: WEBRTC_PUBLIC_ADDRESS };
}
async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
function ringOver(): PolybError {
  return new PolybError('failed_precondition', 'The call rings no more: it was answered at another page, refused or ended.', {
    reason: 'ring_over',
  });
}
function unreadable(cause: unknown): PolybError {
  return new PolybError('invalid_argument', 'The offer cannot be answered; expected one that a browser made for audio.', {
    reason: 'bad_offer',
    cause,
  });
}
