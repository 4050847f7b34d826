/** `polyb loops`. */
import type { Invocation } from '../../kernel/command.ts';
import { repeatUntilStopped } from '../../kernel/discover.ts';
import { wrongUsage } from '../../kernel/failure.ts';
import { drawTable } from '../../kernel/text.ts';
import { withJournal } from './ask.ts';

interface LoopFact {
  readonly service: string;
  readonly name: string;
  readonly schedule: string;
  readonly lastRunAt: string | null;
  readonly lastError: string | null;
  readonly nextRunAt: string | null;
  readonly heldBy: string | null;
}

export async function listLoops(invocation: Invocation): Promise<number> {
  const { flags, out, signal } = invocation;
  const tableOf = (loops: readonly LoopFact[]) => ({
    columns: ['SERVICE', 'LOOP', 'SCHEDULE', 'LAST', 'NEXT', 'HELD BY', 'LAST ERROR'],
    rows: loops.map((one) => [
      one.service,
      one.name,
      one.schedule,
      out.time(one.lastRunAt),
      out.time(one.nextRunAt),
      one.heldBy ?? '',
      one.lastError ?? '',
    ]),
  });
  await withJournal(invocation, async (ask) => {
    const look = async () => (await ask<{ loops: readonly LoopFact[] }>('list_loops', {})).loops;
    if (flags.on('watch')) return await repeatUntilStopped(signal, async () => out.redraw(drawTable(tableOf(await look()), out.width)));
    const loops = await look();
    await out.result(loops, { table: () => tableOf(loops) });
  });
  return 0;
}

export async function runLoop(invocation: Invocation): Promise<number> {
  const { args, out, path } = invocation;
  const [service, name] = args;
  if (service === undefined || name === undefined)
    throw wrongUsage('expected a service and a loop', { subject: path, next: ['polyb loops ls'] });
  const answer = await withJournal(invocation, (ask) => ask<{ requested: boolean }>('run_loop', { service, name }));
  await out.result(answer);
  out.note(
    answer.requested ? `${service} ${name} runs now` : `no instance runs the loop ${service} ${name}`,
    answer.requested ? 'ok' : 'warn',
  );
  return 0;
}
