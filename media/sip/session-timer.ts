/** Session timers (RFC 4028), which end a call whose peer has vanished. */
import type { Clock } from './clock.ts';
import { type Header, header, lists, numberOf, type SipMessage } from './message.ts';
import { paramsOf, splitOutside } from './uri.ts';

export interface SessionTimerSettings {
  /** What this side proposes, in seconds; null proposes no timer and accepts the peer's. */
  readonly expiresS: number | null;
  /** The minimum that this side accepts; 90 or more. */
  readonly minS: number;
}
export interface SessionInterval {
  readonly expiresS: number;
  /** Whether this side refreshes. */
  readonly isRefresher: boolean;
}

const mostSeconds = 86_400;

/** The seconds and the refresher of Session-Expires, or null. */
export function sessionExpires(message: SipMessage): { readonly expiresS: number; readonly refresher: 'uac' | 'uas' | null } | null {
  const expiresS = numberOf(message, 'Session-Expires');
  if (expiresS === null || expiresS === 0) return null;
  const refresher = paramsOf(splitOutside(header(message, 'Session-Expires') ?? '', ';').slice(1))
    .get('refresher')
    ?.toLowerCase();
  return { expiresS: Math.min(expiresS, mostSeconds), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : null };
}

/** The headers that request a timer. */
export function timerHeaders({ expiresS, minS }: SessionTimerSettings, refresher?: 'uac' | 'uas'): Header[] {
  if (expiresS === null) return [];
  return [
    ['Session-Expires', `${Math.max(expiresS, minS)}${refresher === undefined ? '' : `;refresher=${refresher}`}`],
    ['Min-SE', String(minS)],
  ];
}

/** For the responding side: the interval and the headers of the 2xx, or a refusal because it is too short. */
export function acceptTimer(
  request: SipMessage,
  { expiresS, minS }: SessionTimerSettings,
): { readonly interval: SessionInterval | null; readonly headers: readonly Header[] } | { readonly tooShort: number } {
  const requested = sessionExpires(request);
  const isSupported = lists(request, 'Supported', 'timer') || lists(request, 'Require', 'timer');
  if (requested && requested.expiresS < minS && isSupported) return { tooShort: minS };
  const leastS = Math.max(minS, numberOf(request, 'Min-SE') ?? 0);
  const agreedS = requested ? Math.max(requested.expiresS, leastS) : expiresS === null ? null : Math.max(expiresS, leastS);
  if (agreedS === null) return { interval: null, headers: [] };
  // A peer without the extension cannot refresh.
  const refresher = isSupported ? (requested?.refresher ?? 'uac') : 'uas';
  return {
    interval: { expiresS: agreedS, isRefresher: refresher === 'uas' },
    headers: [['Session-Expires', `${agreedS};refresher=${refresher}`], ...(refresher === 'uac' ? ([['Require', 'timer']] as const) : [])],
  };
}

/** For the requesting side: the interval in the 2xx. A peer may start a timer that this side did not propose. */
export function timerOfAnswer(response: SipMessage): SessionInterval | null {
  const answered = sessionExpires(response);
  return answered && { expiresS: answered.expiresS, isRefresher: answered.refresher !== 'uas' };
}

export interface SessionTimer {
  /** Restarts the timer after a refresh by either side; null stops it. */
  restart(interval: SessionInterval | null): void;
  stop(): void;
}

/** Refreshes at half of the interval, or reports the end shortly before it when the peer does not refresh (RFC 4028, section 10). */
export function createSessionTimer(clock: Clock, on: { refresh(): void; expired(): void }): SessionTimer {
  let stopRefresh = (): void => {};
  let stopExpiry = (): void => {};
  const stop = (): void => {
    stopRefresh();
    stopExpiry();
  };
  return {
    restart(interval) {
      stop();
      if (interval === null) return;
      const { expiresS, isRefresher } = interval;
      if (isRefresher) stopRefresh = clock.after(expiresS * 500, on.refresh);
      stopExpiry = clock.after((expiresS - Math.min(32, expiresS / 3)) * 1_000, on.expired);
    },
    stop,
  };
}
