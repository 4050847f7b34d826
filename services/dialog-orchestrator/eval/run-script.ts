/** Holds a scripted conversation, and compares the calendar and the answers with what the script expects. */
import type { booking } from '../../../contracts/booking.ts';
import type { dialog } from '../../../contracts/dialog.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { compiled, type Effects, type Script } from './script.ts';

type Answer = OutputOf<typeof dialog.dialog>;
type Dialog = OutputOf<typeof dialog.get_session>;
type Appointment = OutputOf<typeof booking.list_appointments>['appointments'][number];
type Step = Script['steps'][number];

export interface EvalPorts {
  call<T>(address: string, input: object, options?: { readonly key?: string }): Promise<T>;
  /** Unique in the system: ids of sessions, keys and phones begin with it. */
  readonly run: string;
  /** A phone that no client has. */
  readonly phone: string;
  /** Leaves the appointments in the calendar. */
  readonly keep: boolean;
}
export interface Verdict {
  readonly name: string;
  readonly sessionId: string;
  readonly turns: number;
  readonly ms: number;
  readonly expected: Effects;
  readonly effects: Effects;
  /** Empty if the conversation went as expected. */
  readonly failures: readonly string[];
}
const horizonDays = 366;
const noEffects: Effects = { booked: 0, moved: 0, cancelled: 0, handedOver: false };

export async function runScript(script: Script, ports: EvalPorts): Promise<Verdict> {
  const { call, run, phone } = ports;
  const began = performance.now();
  const failures: string[] = [];
  let effects = noEffects;
  let calendar = await appointmentsOf(ports);
  const answers: Answer[] = [];
  for (const [at, step] of script.steps.entries()) {
    const choices = (step.of === undefined ? answers.at(-1) : answers[step.of - 1])?.choices ?? [];
    const input = inputOf(step, choices, phone);
    if (input === null) {
      failures.push(`step ${at + 1}: no option ${step.choose} among ${choices.map(({ title }) => title).join(', ') || 'none'}`);
      break;
    }
    const first = at === 0 ? { ...(script.language && { language: script.language }), ...(script.phone && { phoneNumber: phone }) } : {};
    try {
      const answer = await call<Answer>('dialog.dialog', { sessionId: run, ...input, ...first }, { key: `${run}-${at + 1}` });
      answers.push(answer);
      failures.push(...misses(step, answer).map((miss) => `step ${at + 1}: ${miss}`));
    } catch (error) {
      if (!isPolybError(error) || error.code === 'cancelled') throw error;
      failures.push(`step ${at + 1}: ${error.message}`);
      break;
    }
    const now = await appointmentsOf(ports);
    effects = plus(effects, calendar, now);
    calendar = now;
  }
  if (answers.length > 0) {
    const { session, proposals } = await call<Dialog>('dialog.get_session', { sessionId: run, turns: 0 });
    effects = { ...effects, handedOver: session.isHandedOver };
    failures.push(...unexplained(effects, proposals));
  }
  failures.push(...wrongEffects(script.effects, effects));
  if (!ports.keep) await cleared(ports, calendar);
  return {
    name: script.name,
    sessionId: run,
    turns: answers.length,
    ms: Math.round(performance.now() - began),
    expected: script.effects,
    effects,
    failures,
  };
}

function inputOf(
  { say, choose }: Step,
  choices: Answer['choices'],
  phone: string,
): { readonly message: string } | { readonly choice: string } | null {
  if (say !== undefined) return { message: say.replaceAll('{phone}', phone) };
  const pattern = typeof choose === 'string' ? compiled(choose) : null;
  const option = typeof choose === 'number' ? choices[choose - 1] : choices.find(({ title }) => pattern?.test(title));
  return option === undefined ? null : { choice: option.id };
}

/** What of a step's expectation the answer does not meet. */
function misses({ expect = {} }: Step, { state, reply, proposals, choices }: Answer): readonly string[] {
  const text = reply ?? '';
  const proposed = proposals.length === 0 ? 'none' : proposals.map(({ what }) => what).join(', ');
  return [
    expect.state !== undefined && expect.state !== state && `expected state ${expect.state}, got ${state}`,
    expect.reply !== undefined &&
      !compiled(expect.reply)?.test(text) &&
      `expected a reply like /${expect.reply}/, got "${text.slice(0, 200)}"`,
    expect.not !== undefined &&
      compiled(expect.not)?.test(text) === true &&
      `expected no reply like /${expect.not}/, got "${text.slice(0, 200)}"`,
    expect.proposal !== undefined && expect.proposal !== proposed && `expected proposal ${expect.proposal}, got ${proposed}`,
    expect.choices !== undefined && expect.choices > choices.length && `expected ${expect.choices} options, got ${choices.length}`,
  ].filter((miss) => miss !== false);
}

async function appointmentsOf({ call, phone }: EvalPorts): Promise<ReadonlyMap<string, Appointment>> {
  const { clients } = await call<OutputOf<typeof booking.find_client>>('booking.find_client', { phoneNumber: phone });
  const all = await Promise.all(
    clients.map(({ clientId }) =>
      call<OutputOf<typeof booking.list_appointments>>('booking.list_appointments', { clientId, days: horizonDays }),
    ),
  );
  const live = all.flatMap(({ appointments }) => appointments).filter(({ status }) => status !== 'cancelled');
  return new Map(live.map((each) => [each.appointmentId, each]));
}
/** With the changes from one state of the calendar to the next. */
function plus(effects: Effects, before: ReadonlyMap<string, Appointment>, after: ReadonlyMap<string, Appointment>): Effects {
  const kept = [...after.values()].filter(({ appointmentId }) => before.has(appointmentId));
  return {
    ...effects,
    booked: effects.booked + after.size - kept.length,
    moved: effects.moved + kept.filter(({ appointmentId, start }) => before.get(appointmentId)?.start !== start).length,
    cancelled: effects.cancelled + before.size - kept.length,
  };
}
const effectOf = { create: 'booked', move: 'moved', cancel: 'cancelled' } as const;
/** A change for another client than the one of the conversation would show here. */
function unexplained(effects: Effects, proposals: Dialog['proposals']): readonly string[] {
  return (['create', 'move', 'cancel'] as const).flatMap((what) => {
    const done = proposals.filter((each) => each.what === what && each.state === 'done').length;
    const seen = effects[effectOf[what]];
    return done === seen ? [] : [`${done} proposals to ${what} are done, but the calendar shows ${seen} ${effectOf[what]}`];
  });
}
function wrongEffects(expected: Effects, effects: Effects): readonly string[] {
  return (Object.keys(noEffects) as (keyof Effects)[])
    .filter((name) => expected[name] !== effects[name])
    .map((name) => `expected ${name} ${expected[name]}, got ${effects[name]}`);
}
async function cleared({ call, run }: EvalPorts, calendar: ReadonlyMap<string, Appointment>): Promise<void> {
  for (const { appointmentId, clientId } of calendar.values())
    if (clientId !== null)
      await call('booking.cancel_appointment', { appointmentId, clientId, reason: 'evaluation' }, { key: `${run}-${appointmentId}` });
}
