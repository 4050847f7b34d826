/** The conversations of examples/dialogs, for those who hold them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from '../../bus/bus.ts';
import { booking } from '../../contracts/booking.ts';
import { dialog } from '../../contracts/dialog.ts';
import type { Method } from '../../contracts/kit/define.ts';
import type { EvalPorts } from '../../services/dialog-orchestrator/eval/run-script.ts';
import { Script } from '../../services/dialog-orchestrator/eval/script.ts';

export function exampleScripts(): readonly Script[] {
  const folder = join(import.meta.dirname, '../../examples/dialogs');
  return readdirSync(folder).flatMap((file) => Script.array().parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))));
}

/** Calls the agent and its calendar by address. */
export function dialogCalls(bus: Pick<Bus, 'call'>): EvalPorts['call'] {
  const methods = new Map<string, Method>(
    [...Object.values(dialog), ...Object.values(booking)].flatMap((each) => (each.kind === 'method' ? [[each.address, each]] : [])),
  );
  return async (address, input, options) =>
    (await bus.call(methods.get(address) as Method, input as never, { timeoutMs: 30_000, ...options })) as never;
}
