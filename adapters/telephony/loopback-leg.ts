/** Both ends of a connection within this process: the leg held by the service, and the phone at its far end. */
import { PolybError } from '../../contracts/kit/errors.ts';
import type { FrameClock } from './frame-clock.ts';
import { createFrameQueue } from './frame-queue.ts';
import type { Cause, Leg, LegChange, LegHost, LegOutcome, MediaListener } from './port.ts';

/** The phone of a person. */
export interface FarPhone {
  readonly number: string | null;
  ring(): void;
  answer(): void;
  /** Refuses an outbound call, gives up an inbound one, or ends a conversation. No effect after the end. */
  hangUp(why?: 'busy' | 'rejected' | 'no_answer'): void;
  hold(isHeld: boolean): void;
  press(digits: string): void;
  /** Speaks; resolves when the audio has been played. */
  say(audio: Uint8Array): Promise<void>;
  /** Calls `frame` with each frame that the person hears, except silence. Returns a function that stops it. */
  hear(frame: (audio: Uint8Array) => void): () => void;
  /** Keys sent to this phone. */
  readonly keys: string;
  readonly state: 'idle' | 'ringing' | 'talking' | 'ended';
  /** Calls the listener at the answer and at the end. */
  onChange(listener: () => void): void;
}
export interface LoopbackLeg extends Leg {
  readonly phone: FarPhone;
  /** Receives a frame from the connected leg. */
  relay(audio: Uint8Array): void;
  readonly hasEnded: boolean;
  end(outcome: LegOutcome, hangUpCause: Cause, endedBy: LegChange['endedBy'], q850?: number): void;
}
interface Parts {
  readonly legId: string;
  readonly callId: string;
  readonly direction: 'in' | 'out';
  readonly from: string | null;
  readonly to: string | null;
  readonly host: Pick<LegHost, 'changed' | 'answered'>;
  readonly clock: FrameClock;
  /** Unix ms. */
  readonly now: () => number;
  readonly ended: () => void;
}

const causes = { busy: 17, rejected: 21, no_answer: 19 } as const;

export function createLoopbackLeg({ legId, callId, direction, from, to, host, clock, now, ended }: Parts): LoopbackLeg {
  const listeners = new Set<MediaListener>();
  const ears = new Set<(audio: Uint8Array) => void>();
  const watchers = new Set<() => void>();
  let state: FarPhone['state'] = 'idle';
  let isHeld = false;
  let partner: LoopbackLeg | null = null;
  let keys = '';
  let said = 0;
  const speaking = new Map<string, () => void>();
  const down = createFrameQueue((id, ms) => {
    for (const listener of listeners) listener.fact({ played: id, ms });
  });
  const up = createFrameQueue((id) => speaking.get(id)?.());
  let stopClock: (() => void) | undefined;

  const change = (to_: LegChange['state'], end: Partial<LegChange> = {}): void =>
    host.changed({
      ...{ callId, legId, direction, from, to, state: to_, outcome: null, hangUpCause: null, q850: null, endedBy: null, recordingId: null },
      ...end,
      at: new Date(now()).toISOString(),
    });
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  function tick(): void {
    const spoken = up.next();
    const played = isHeld ? null : down.next();
    if (played !== null) toPhone(played);
    if (spoken === null || isHeld) return;
    partner?.relay(spoken);
    for (const listener of listeners) listener.frame(spoken);
  }
  function toPhone(audio: Uint8Array): void {
    for (const ear of ears) ear(audio);
  }
  function connected(): void {
    if (state === 'talking' || state === 'ended') return;
    state = 'talking';
    stopClock = clock.every(tick);
    change('answered');
    host.answered(leg);
    changed();
  }
  function end(outcome: LegOutcome, hangUpCause: Cause, endedBy: LegChange['endedBy'], q850: number | null = null): void {
    if (state === 'ended') return;
    state = 'ended';
    stopClock?.();
    partner?.connect(null);
    partner = null;
    down.clear();
    up.clear();
    change('ended', { outcome, hangUpCause, endedBy, q850 });
    ended();
    changed();
  }
  function setHeld(held: boolean): void {
    mustTalk();
    if (isHeld === held) return;
    isHeld = held;
    change(held ? 'held' : 'resumed');
    for (const listener of listeners) listener.fact({ held });
    down.clear();
  }
  function mustTalk(): void {
    if (state !== 'talking')
      throw new PolybError('failed_precondition', 'This requires an answered leg that has not ended.', { reason: 'not_answered' });
  }
  const isTalking = (): boolean => state === 'talking';

  const phone: FarPhone = {
    number: direction === 'in' ? from : to,
    ring() {
      if (state !== 'idle') return;
      state = 'ringing';
      change('ringing');
    },
    answer: () => {
      if (direction === 'out') connected();
    },
    hangUp(why) {
      if (isTalking()) end('answered', 'normal', 'remote', 16);
      else if (direction === 'in') end('cancelled', 'cancelled', 'remote');
      else end(why ?? 'rejected', why ?? 'rejected', why === 'no_answer' ? 'network' : 'remote', causes[why ?? 'rejected']);
    },
    hold: setHeld,
    press(digits) {
      if (isTalking()) for (const digit of digits) for (const listener of listeners) listener.fact({ dtmf: digit });
    },
    say: (audio) =>
      new Promise((resolve) => {
        if (!isTalking()) return resolve();
        said += 1;
        const id = String(said);
        speaking.set(id, () => {
          speaking.delete(id);
          resolve();
        });
        up.play(id, audio);
      }),
    hear(frame) {
      ears.add(frame);
      return () => ears.delete(frame);
    },
    get keys() {
      return keys;
    },
    get state() {
      return state;
    },
    onChange: (listener) => void watchers.add(listener),
  };
  const leg: LoopbackLeg = {
    ...{ legId, callId, direction, from, to, phone, end },
    get hasEnded() {
      return state === 'ended';
    },
    relay(audio) {
      if (isTalking() && !isHeld) toPhone(audio);
    },
    async answer() {
      if (direction === 'out' || state === 'ended') mustTalk();
      connected();
    },
    async reject(cause) {
      if (direction === 'in' && !isTalking()) end(cause === 'busy' ? 'busy' : 'rejected', cause, 'system');
      else mustTalk();
    },
    async hangUp() {
      if (isTalking()) end('answered', 'normal', 'system', 16);
      else end(direction === 'in' ? 'rejected' : 'cancelled', direction === 'in' ? 'rejected' : 'cancelled', 'system');
    },
    hold: async () => setHeld(true),
    resume: async () => setHeld(false),
    async transfer() {
      mustTalk();
      end('answered', 'transferred', 'system', 16);
    },
    connect(other) {
      if (other === partner) return;
      const before = partner;
      partner = other as LoopbackLeg | null; // a gateway connects only its own legs
      down.clear();
      before?.connect(null);
      other?.connect(leg);
    },
    sendDtmf(digits) {
      mustTalk();
      keys += digits;
    },
    media: {
      play({ id, audio }) {
        mustTalk();
        down.play(id, audio);
        if (isHeld) down.clear();
      },
      clear: down.clear,
      mark(id) {
        mustTalk();
        down.mark(id);
      },
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
  return leg;
}
