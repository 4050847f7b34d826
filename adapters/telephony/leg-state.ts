import type { Cause, LegChange, LegHost, LegOutcome } from './port.ts';

type State = LegChange['state'];
export interface LegEnd {
  readonly cause: Cause;
  readonly by: NonNullable<LegChange['endedBy']>;
  readonly q850?: number | null;
  readonly sipStatus?: number | undefined;
}
export interface LegStateOptions extends Pick<LegChange, 'legId' | 'callId' | 'direction' | 'from' | 'to'> {
  readonly host: Pick<LegHost, 'changed'>;
  /** Unix ms. */
  readonly now: () => number;
}
/** The state of one held leg. Each change is reported once; one that is no longer possible has no effect. */
export interface LegState {
  readonly isAnswered: boolean;
  readonly isHeld: boolean;
  readonly hasEnded: boolean;
  /** False if the leg had already reached this state or has ended. */
  reach(state: Exclude<State, 'ended'>): boolean;
  /** False if it had already ended. */
  end(end: LegEnd): boolean;
}

/** The states from which each state can be reached. */
const before: Readonly<Record<Exclude<State, 'ended'>, readonly (State | null)[]>> = {
  ringing: [null],
  early: [null, 'ringing'],
  answered: [null, 'ringing', 'early'],
  held: ['answered', 'resumed', 'transferring'],
  resumed: ['held', 'transferring'],
  transferring: ['answered', 'held', 'resumed'],
};
const outcomes: Readonly<Partial<Record<Cause, LegOutcome>>> = {
  busy: 'busy',
  no_answer: 'no_answer',
  rejected: 'rejected',
  cancelled: 'cancelled',
  holder_lost: 'unknown',
};

export function legState({ host, now, ...leg }: LegStateOptions): LegState {
  let state: State | null = null;
  let isAnswered = false;
  const report = (change: Pick<LegChange, 'state' | 'outcome' | 'hangUpCause' | 'q850' | 'endedBy' | 'sipStatus'>): void => {
    state = change.state;
    host.changed({ ...leg, recordingId: null, ...change, at: new Date(now()).toISOString() });
  };
  return {
    get isAnswered() {
      return isAnswered;
    },
    get isHeld() {
      return state === 'held';
    },
    get hasEnded() {
      return state === 'ended';
    },
    reach(next) {
      if (!before[next].includes(state)) return false;
      isAnswered ||= next === 'answered';
      report({ state: next, outcome: null, hangUpCause: null, q850: null, endedBy: null });
      return true;
    },
    end({ cause, by, q850 = null, sipStatus }) {
      if (state === 'ended') return false;
      const outcome = isAnswered ? 'answered' : (outcomes[cause] ?? 'failed');
      report({ state: 'ended', outcome, hangUpCause: cause, q850, endedBy: by, ...(sipStatus === undefined ? {} : { sipStatus }) });
      return true;
    },
  };
}
