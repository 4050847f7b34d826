/** A leg whose audio travels over a WebSocket of the gateway; the format of its messages is the gateway's dialect. */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Log } from '../deps.ts';
import { bytesPerMs } from './audio-format.ts';
import type { LegHost } from './leg-gateway.ts';
import { type LegEnd, type LegState, legState } from './leg-state.ts';
import { mediaListeners } from './listeners.ts';
import type { MediaSocket, SocketListener } from './media-server.ts';
import { playout } from './playout.ts';
import type { Leg } from './port.ts';

/** The meaning of a message from the gateway. Audio is μ-law, 8 kHz, mono. */
export type SocketEvent =
  /** Audio may be sent. */
  | { readonly says: 'ready' }
  | { readonly says: 'audio'; readonly audio: Uint8Array }
  | { readonly says: 'key'; readonly digit: string }
  /** Everything sent before this id has been played. */
  | { readonly says: 'played'; readonly id: string }
  /** The buffer of the gateway is full, or has room again. */
  | { readonly says: 'full' | 'room' }
  | { readonly says: 'stopped' };
export interface Dialect {
  /** A message before the first audio; absent if none is needed. */
  readonly opening?: () => string;
  /** Null for a message that can be ignored. @throws PolybError invalid_argument for data outside the protocol */
  read(data: string | Uint8Array): SocketEvent | null;
  /** A message with at most 100 ms of audio. */
  audio(audio: Uint8Array): string | Uint8Array;
  /** Makes the gateway drop its buffer. */
  readonly drop: () => string;
  /** Makes the gateway confirm that it has played everything so far; absent if it cannot. */
  readonly confirm?: (id: string) => string;
}
/** The gateway's control of the call itself; a missing action is refused as `unimplemented`. */
export interface LegControl {
  readonly hangUp: (signal: AbortSignal) => Promise<void>;
  readonly answer?: (signal: AbortSignal) => Promise<void>;
  readonly reject?: (signal: AbortSignal) => Promise<void>;
  /** Puts the call on hold at the network. Absent where the network has no hold: the leg then just carries no audio. */
  readonly hold?: (isHeld: boolean, signal: AbortSignal) => Promise<void>;
  readonly transfer?: (to: string, signal: AbortSignal) => Promise<void>;
  readonly sendDtmf?: (digits: string) => void;
}
export interface SocketLegOptions {
  readonly legId: string;
  readonly callId: string;
  readonly direction: 'in' | 'out';
  readonly from: string | null;
  readonly to: string | null;
  readonly host: LegHost;
  readonly control: LegControl;
  readonly dialect: Dialect;
  readonly log: Log;
  /** Unix ms. */
  readonly now: () => number;
  /** Called at most once, when the gateway has connected for the audio. */
  readonly onConnected?: (socket: MediaSocket) => void;
  /** Called once. */
  readonly onEnded: () => void;
}
export interface SocketLeg extends Leg {
  readonly state: LegState;
  /** Notes that the phone was answered, as reported or proved by the socket. A repeat has no effect. */
  answered(): void;
  /** The gateway has connected for the audio. Null when the leg has a socket or has ended. */
  connected(socket: MediaSocket): SocketListener | null;
  /** A repeat has no effect. */
  ended(end: LegEnd): void;
  /** Sends audio to the phone at once, bypassing the playout clock. */
  pass(audio: Uint8Array): void;
}

/** How far ahead audio is sent to the gateway, ms. */
const aheadMs = 400;
/** A gateway is flooding if its audio is this far ahead of real time; it has lost the call if it sends nothing for `silentMs`. */
const floodMs = 5_000;
const silentMs = 30_000;

export function socketLeg(options: SocketLegOptions): SocketLeg {
  const { legId, callId, direction, from, to, host, control, dialect, log, now, onConnected, onEnded } = options;
  const state = legState({ legId, callId, direction, from, to, host, now });
  const listeners = mediaListeners((err) => log.error({ err, legId }, 'a listener of a leg failed'));
  let socket: MediaSocket | null = null;
  let other: SocketLeg | null = null;
  let isTransferred = false;
  /** A requested end. */
  let requestedEnd: LegEnd | null = null;
  let heardMs = 0;
  let connectedAt = 0;
  let watch: NodeJS.Timeout | undefined;

  const clock = playout({
    now: () => performance.now(),
    aheadMs,
    send: (audio) => socket?.send(dialect.audio(audio)),
    drop: () => socket?.send(dialect.drop()),
    played: (id, ms) => listeners.fact({ played: id, ms }),
    ...(dialect.confirm === undefined ? {} : { ask: (id: string) => socket?.send(dialect.confirm?.(id) ?? '') }),
  });
  clock.pause(true); // until the gateway is ready

  function hear(event: SocketEvent): void {
    switch (event.says) {
      case 'ready':
        if (dialect.opening !== undefined) socket?.send(dialect.opening());
        clock.pause(state.isHeld);
        break;
      case 'audio':
        hearAudio(event.audio);
        break;
      case 'key':
        listeners.fact({ dtmf: event.digit });
        break;
      case 'played':
        clock.confirm(event.id);
        break;
      case 'full':
      case 'room':
        clock.pause(event.says === 'full' || state.isHeld);
        break;
      case 'stopped':
        ended();
    }
  }
  function hearAudio(audio: Uint8Array): void {
    heardMs += audio.length / bytesPerMs;
    if (heardMs > performance.now() - connectedAt + floodMs) {
      fail('The gateway sends audio faster than real time.');
      return;
    }
    watch?.refresh();
    if (state.isHeld) return;
    listeners.frame(audio);
    other?.pass(audio);
  }
  /** The gateway may report the end before it replies. */
  async function end(wanted: LegEnd, act: () => Promise<void>): Promise<void> {
    requestedEnd = wanted;
    try {
      await act();
    } catch (thrown) {
      requestedEnd = null;
      throw thrown;
    }
    leg.ended(wanted);
  }
  /** The gateway has closed its audio. */
  function ended(): void {
    if (isTransferred) state.reach('transferring');
    leg.ended(isTransferred ? { cause: 'transferred', by: 'system' } : { cause: 'normal', by: 'remote' });
  }
  function fail(why: string): void {
    log.warn({ legId }, why);
    void control.hangUp(AbortSignal.timeout(5_000)).catch((err: unknown) => log.warn({ err, legId }, 'a failed leg could not be hung up'));
    leg.ended({ cause: 'incompatible', by: 'network' });
  }
  const act = (name: 'answer' | 'reject'): ((signal: AbortSignal) => Promise<void>) => control[name] ?? cannot(name);

  const leg: SocketLeg = {
    legId,
    callId,
    direction,
    from,
    to,
    state,
    media: {
      play: (chunk) => clock.play(chunk),
      clear: () => clock.clear(),
      mark: (id) => clock.mark(id),
      listen: (listener) => listeners.add(listener),
    },
    async answer(signal) {
      if (state.hasEnded) throw gone();
      if (state.isAnswered) return;
      await act('answer')(signal);
      leg.answered();
    },
    async reject(cause, signal) {
      if (state.hasEnded || state.isAnswered) throw gone();
      await end({ cause, by: 'system' }, () => act('reject')(signal));
    },
    async hangUp(signal) {
      if (state.hasEnded) return;
      const cause = state.isAnswered || direction === 'in' ? 'normal' : 'cancelled';
      await end({ cause, by: 'system' }, () => control.hangUp(signal));
    },
    async hold(signal) {
      answeredOnly();
      await control.hold?.(true, signal);
      clock.clear(); // Queued audio would be stale when the leg is resumed.
      if (state.reach('held')) {
        clock.pause(true);
        listeners.fact({ held: true });
      }
    },
    async resume(signal) {
      answeredOnly();
      await control.hold?.(false, signal);
      if (state.reach('resumed')) {
        clock.pause(false);
        listeners.fact({ held: false });
      }
    },
    async transfer(target, signal) {
      answeredOnly();
      const act = control.transfer ?? cannot('transfer');
      isTransferred = true; // The gateway may end the audio before it replies.
      try {
        await act(target, signal);
      } catch (thrown) {
        isTransferred = false;
        throw thrown;
      }
      state.reach('transferring');
    },
    connect(next) {
      const found = next as SocketLeg | null; // All legs of one gateway are of one kind.
      if (other === found) return;
      const former = other;
      other = found;
      former?.connect(null);
      clock.clear();
      found?.connect(leg);
    },
    sendDtmf(digits) {
      answeredOnly();
      (control.sendDtmf ?? cannot('send keys'))(digits);
    },
    answered() {
      if (state.reach('answered')) host.answered(leg);
    },
    connected(next) {
      if (socket !== null || state.hasEnded) return null;
      socket = next;
      onConnected?.(next);
      connectedAt = performance.now();
      watch = setTimeout(() => (state.isHeld ? watch?.refresh() : fail('The gateway has sent no audio for 30 s.')), silentMs);
      return {
        message(data) {
          if (state.hasEnded) return;
          try {
            const event = dialect.read(data);
            if (event !== null) hear(event);
          } catch (thrown) {
            fail(thrown instanceof PolybError ? thrown.message : 'The gateway has sent an unreadable message.');
          }
        },
        closed: ended,
      };
    },
    ended(reported) {
      if (!state.end(requestedEnd ?? reported)) return;
      clearTimeout(watch);
      clock.close();
      leg.connect(null);
      socket?.close();
      onEnded();
    },
    pass(audio) {
      if (!state.isHeld) socket?.send(dialect.audio(audio));
    },
  };
  return leg;

  function answeredOnly(): void {
    if (state.hasEnded || !state.isAnswered)
      throw new PolybError('failed_precondition', 'Only an answered leg that has not ended can do this.', { reason: 'not_answered' });
  }
}

function cannot(what: string): () => never {
  return () => {
    throw new PolybError('unimplemented', `This telephony gateway cannot ${what}.`);
  };
}
function gone(): PolybError {
  return new PolybError('failed_precondition', 'The leg was answered or has ended.', { reason: 'not_answered' });
}
