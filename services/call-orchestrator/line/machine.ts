/** A line script as a pure state machine: events and times in, orders out. */
import type { LineScript, Speech, Step } from './script.ts';

export type LineEvent =
  | { readonly kind: 'started' }
  /** The speech of the order `say` with this id has been heard to its end. */
  | { readonly kind: 'said'; readonly id: string }
  | { readonly kind: 'key'; readonly key: string }
  /** The time of the order `wake` has come. */
  | { readonly kind: 'woken' }
  | { readonly kind: 'held'; readonly isHeld: boolean }
  /** A mailbox has answered and beeped. */
  | { readonly kind: 'machine' }
  | { readonly kind: 'transferred' }
  | { readonly kind: 'transfer_failed' };
export type LineOrder =
  /** Says the parts in order; the event `said` with the id follows. */
  | { readonly order: 'say'; readonly id: string; readonly parts: readonly Speech[] }
  /** Drops unheard speech. */
  | { readonly order: 'hush' }
  | { readonly order: 'record'; readonly on: boolean }
  /** Pauses or resumes the recording. */
  | { readonly order: 'pause_recording'; readonly isPaused: boolean }
  /** The event `transferred` or `transfer_failed` follows. */
  | { readonly order: 'transfer'; readonly to: readonly string[]; readonly rounds: number; readonly summary: string | null }
  /** Connects the person with the waiting customer; the same events follow. */
  | { readonly order: 'connect' }
  | { readonly order: 'hang_up' }
  /** Schedules the event `woken` for this time, Unix ms, replacing an earlier order; null cancels it. */
  | { readonly order: 'wake'; readonly at: number | null };

export interface LineState {
  /** The current step; null when the script is over. */
  readonly at: string | null;
  readonly phase: 'saying' | 'listening' | 'transferring';
  /** The id of the last order `say`. */
  readonly said: number;
  /** Keys of this step, and of the last step that read keys. */
  readonly typed: string;
  readonly keys: string;
  /** How often the prompt has been said. */
  readonly asked: number;
  readonly isHeld: boolean;
}
export const newLine: LineState = { at: null, phase: 'saying', said: 0, typed: '', keys: '', asked: 0, isHeld: false };

export interface Transition {
  readonly state: LineState;
  readonly orders: readonly LineOrder[];
}
const still = (state: LineState): Transition => ({ state, orders: [] });
const noWake: LineOrder = { order: 'wake', at: null };
/** Maximum consecutive steps without speech; more are a cycle. */
const mostSilent = 100;

export function moveLine(script: LineScript, state: LineState, event: LineEvent, now: number): Transition {
  const step = state.at === null ? undefined : script.steps[state.at];
  switch (event.kind) {
    case 'started':
      return enter(script, state, script.start);
    case 'held':
      return step === undefined || event.isHeld === state.isHeld ? still(state) : held(script, { ...state, isHeld: event.isHeld });
    case 'machine': {
      if (script.onMachine === undefined || step === undefined || state.phase === 'transferring') return still(state);
      const { state: moved, orders } = enter(script, state, script.onMachine);
      return { state: moved, orders: [{ order: 'hush' }, ...orders] };
    }
    case 'transferred':
      return { state: { ...state, at: null }, orders: [noWake] };
    case 'transfer_failed':
      return step?.do === 'transfer' || step?.do === 'connect' ? enter(script, state, step.onFail) : still(state);
    default:
      if (step === undefined || state.isHeld || state.phase === 'transferring') return still(state);
  }
  switch (event.kind) {
    case 'said':
      if (event.id !== String(state.said) || state.phase !== 'saying') return still(state);
      if (step.do === 'read_keys' || step.do === 'choose') return listen(state, step, now);
      return step.do === 'say' ? enter(script, state, step.next) : still(state);
    case 'key':
      return step.do === 'read_keys' || step.do === 'choose' ? heard(script, state, step, event.key, now) : still(state);
    case 'woken':
      return (step.do === 'read_keys' || step.do === 'choose') && state.phase === 'listening' ? waited(script, state, step) : still(state);
  }
}

type PromptStep = Extract<Step, { do: 'read_keys' | 'choose' }>;

/** Begins a step; without one the call ends. */
function enter(script: LineScript, from: LineState, name: string | undefined): Transition {
  const orders: LineOrder[] = isSecret(from.at === null ? undefined : script.steps[from.at])
    ? [{ order: 'pause_recording', isPaused: false }]
    : [];
  let at = name;
  for (let n = 0; n < mostSilent; n += 1) {
    const step: Step = (at === undefined ? undefined : script.steps[at]) ?? { do: 'hang_up' };
    const state: LineState = { ...from, at: at ?? null, phase: 'saying', typed: '', asked: 0 };
    switch (step.do) {
      case 'record':
        orders.push({ order: 'record', on: step.on });
        at = step.next;
        continue;
      case 'say':
        return say(state, step.text, orders);
      case 'read_keys':
      case 'choose':
        if (isSecret(step)) orders.push({ order: 'pause_recording', isPaused: true });
        return say({ ...state, asked: 1 }, step.prompt, orders);
      case 'transfer':
        return {
          state: { ...state, phase: 'transferring' },
          orders: [...orders, noWake, { order: 'transfer', to: step.to, rounds: step.rounds, summary: step.summary ?? null }],
        };
      case 'connect':
        return { state: { ...state, phase: 'transferring' }, orders: [...orders, noWake, { order: 'connect' }] };
      case 'hang_up':
        return { state: { ...state, at: null }, orders: [...orders, noWake, { order: 'hang_up' }] };
    }
  }
  return { state: { ...from, at: null }, orders: [...orders, noWake, { order: 'hang_up' }] };
}
const isSecret = (step: Step | undefined): boolean => step?.do === 'read_keys' && step.isSecret;
/** The keys that later texts may contain. */
const keysOf = (step: PromptStep, typed: string): string => (isSecret(step) ? '' : typed);
function say(state: LineState, text: Speech, before: readonly LineOrder[] = []): Transition {
  const said = state.said + 1;
  const spoken = typeof text === 'string' ? text.replaceAll('{keys}', [...state.keys].join(', ')) : text;
  return {
    state: { ...state, said, phase: 'saying' },
    orders: [...before, noWake, { order: 'say', id: String(said), parts: [spoken] }],
  };
}
function listen(state: LineState, step: PromptStep, now: number): Transition {
  return { state: { ...state, phase: 'listening' }, orders: [{ order: 'wake', at: now + step.timeoutMs }] };
}
/** Handles a key, which also interrupts the prompt. */
function heard(script: LineScript, state: LineState, step: PromptStep, key: string, now: number): Transition {
  const hush: readonly LineOrder[] = state.phase === 'saying' ? [{ order: 'hush' }] : [];
  const with_ = ({ state: moved, orders }: Transition): Transition => ({ state: moved, orders: [...hush, ...orders] });
  if (step.do === 'choose') {
    const name = step.options[key];
    return with_(name === undefined ? waited(script, state, step) : enter(script, { ...state, keys: key }, name));
  }
  const typed = key === step.end ? state.typed : state.typed + key;
  if (key === step.end && typed === '') return with_(waited(script, state, step));
  if (key === step.end || typed.length === step.most) return with_(enter(script, { ...state, keys: keysOf(step, typed) }, step.next));
  return with_(listen({ ...state, typed }, step, now));
}
/** Handles the timeout of a key: takes the keys so far; without any, repeats the prompt. */
function waited(script: LineScript, state: LineState, step: PromptStep): Transition {
  if (step.do === 'read_keys' && state.typed !== '') return enter(script, { ...state, keys: keysOf(step, state.typed) }, step.next);
  if (state.asked > step.repeats) return enter(script, state, step.onNone);
  return say({ ...state, typed: '', asked: state.asked + 1 }, step.prompt);
}
/** On hold the script is silent and its timers stop; afterwards the person hears the step again. */
function held(script: LineScript, state: LineState): Transition {
  if (state.phase === 'transferring') return still(state);
  return state.isHeld ? { state, orders: [{ order: 'hush' }, noWake] } : again(script, state);
}
function again(script: LineScript, state: LineState): Transition {
  const step = state.at === null ? undefined : script.steps[state.at];
  if (step === undefined) return still(state);
  const { typed, asked } = state;
  if (step.do === 'say') return say(state, step.text);
  if (step.do === 'read_keys' || step.do === 'choose') return say({ ...state, typed, asked }, step.prompt);
  return still(state);
}
