/** `polyb pause` and `polyb resume`: the emergency stop, for every method on the bus, in contracts.json or not. */
import type { Invocation } from '../../kernel/command.ts';
import { lazyBus, resolveTarget } from '../../kernel/method.ts';
import { here, whyOf, withJournal } from './ask.ts';

interface Paused {
  readonly paused: readonly string[];
}

export async function pause(invocation: Invocation): Promise<number> {
  return await setStop(invocation, 'pause', whyOf(invocation));
}
export async function resume(invocation: Invocation): Promise<number> {
  return await setStop(invocation, 'resume', {});
}

async function addressOf(invocation: Invocation, typed: string): Promise<string> {
  await using line = lazyBus(invocation);
  return (await resolveTarget(typed, line.get)).entry.address;
}

async function setStop(invocation: Invocation, verb: 'pause' | 'resume', more: object): Promise<number> {
  const { args, out } = invocation;
  const [typed = '*'] = args;
  const method = typed.includes('*') ? typed : await addressOf(invocation, typed);
  const answer = await withJournal(invocation, (ask) => ask<Paused>(verb, { method, ...more, ...here() }));
  await out.result(answer, { text: () => (answer.paused.length === 0 ? 'nothing is paused' : answer.paused.join('\n')) });
  const left = answer.paused.length === 0 ? 'nothing is paused now' : `paused now: ${answer.paused.join(', ')}`;
  out.note(
    `${verb === 'pause' ? `no attempt of ${method} starts until polyb resume ${typed}` : `attempts of ${method} start again`}; ${left}`,
    verb === 'pause' ? 'warn' : 'ok',
  );
  return 0;
}
