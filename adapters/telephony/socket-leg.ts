/** A leg whose audio travels over one WebSocket of the gateway; what the messages look like is the gateway's dialect. */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Log } from '../deps.ts';
import { bytesPerMs } from './audio-format.ts';
import type { LegHost } from './leg-gateway.ts';
import { type LegEnd, type LegState, legState } from './leg-state.ts';
import { mediaListeners } from './listeners.ts';
import type { MediaSocket, SocketListener } from './media-server.ts';
import { playout } from './playout.ts';
import type { Leg } from './port.ts';

/** What a message of the gateway says. Audio is μ-law, 8 kHz, mono. */
export type SocketEvent =
  /** Audio may be sent. */
  | { readonly says: 'ready' }
  | { readonly says: 'audio'; readonly audio: Uint8Array }
  | { readonly says: 'key'; readonly digit: string }
  /** Everything sent before this id was played. */
  | { readonly says: 'played'; readonly id: string }
  /** The buffer of the gateway is full, or has room again. */
  | { readonly says: 'full' | 'room' }
  | { readonly says: 'stopped' };
export interface Dialect {
  /** A message before the first audio; absent if none is needed. */
  readonly opening?: () => string;
  /** Null for a message without meaning here. @throws PolybError invalid_argument for what is not of the protocol */
  read(data: string | Uint8Array): SocketEvent | null;
  /** A message with at most 100 ms of audio. */
  audio(audio: Uint8Array): string | Uint8Array;
  /** Makes the gateway drop its buffer. */
  readonly drop: () => string;
  /** Makes the gateway confirm that it has played all until here; absent if it cannot. */
  readonly confirm?: (id: string) => string;
}
/** What the gateway does with the call itself; a missing act is refused as `unimplemented`. */
export interface LegControl {
  readonly hangUp: (signal: AbortSignal) => Promise<void>;
  readonly answer?: (signal: AbortSignal) => Promise<void>;
  readonly reject?: (signal: AbortSignal) => Promise<void>;
  /** Tells the network; absent where it has no such thing: the leg then carries no audio while it is held. */
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
  /** The gateway has connected for the audio; once at most. */
  readonly onConnected?: (socket: MediaSocket) => void;
  /** Once. */
  readonly onEnded: () => void;
}
export interface SocketLeg extends Leg {
  readonly state: LegState;
  /** The phone was answered, or the socket has proved it. A repeat has no effect. */
  answered(): void;
  /** The gateway has connected for the audio. Null when the leg has a socket or has ended. */
  connected(socket: MediaSocket): SocketListener | null;
  /** A repeat has no effect. */
  ended(end: LegEnd): void;
  /** Sends audio to the phone now, past the playout clock. */
  pass(audio: Uint8Array): void;
}

/** How much the gateway is sent ahead, ms. */
const aheadMs = 400;
/** A gateway that sends this much more audio than time has passed floods; one that sends nothing for `silentMs` has lost the call. */
const floodMs = 5_000;
const silentMs = 30_000;

export function socketLeg(options: SocketLegOptions): SocketLeg {
  const { legId, callId, direction, from, to, host, control, dialect, log, now, onConnected, onEnded } = options;
  const state = legState({ legId, callId, direction, from, to, host, now });
  const listeners = mediaListeners((err) => log.error({ err, legId }, 'a listener of a leg failed'));
  let socket: MediaSocket | null = null;
  let other: SocketLeg | null = null;
  let isTransferred = false;
  /** An end that was asked for. */
  let asked: LegEnd | null = null;
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
      fail('The gateway sends audio faster than it is spoken.');
      return;
    }
    watch?.refresh();
    if (state.isHeld) return;
    listeners.frame(audio);
    other?.pass(audio);
  }
  /** The gateway may report the end before it replies. */
  async function end(wanted: LegEnd, act: () => Promise<void>): Promise<void> {
    asked = wanted;
    try {
      await act();
    } catch (thrown) {
      asked = null;
      throw thrown;
    }
    leg.ended(wanted);
  }
  /** The gateway has no more audio. */
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
      clock.clear(); // What was queued is old when the leg is resumed.
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
            fail(thrown instanceof PolybError ? thrown.message : 'The gateway has sent a message that could not be read.');
          }
        },
        closed: ended,
      };
    },
    ended(reported) {
      if (!state.end(asked ?? reported)) return;
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
