/** A process that hosts dialog-orchestrator, as it is or without its rules. Run by `agent-under-attack.ts`. */
import { z } from 'zod';
import type { AnsweringLlm } from '../../adapters/llm/port.ts';
import { scripted } from '../../adapters/llm/scripted/scripted.ts';
import { isPolybError } from '../../contracts/kit/errors.ts';
import { type Rules, rules } from '../../services/dialog-orchestrator/rules.ts';
import { dialogOrchestrator } from '../../services/dialog-orchestrator/service.ts';
import { hosted } from './hosted.ts';

export const AgentWorkerSetup = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  settings: z.record(z.string(), z.string()),
  allowPrivate: z.array(z.string()),
  /** Tools run at once and without bounds, texts go out unchecked. */
  isUnguarded: z.boolean(),
});

const noRules: Rules = {
  check: () => ({ ok: true, findings: [] }),
  approval: { customer: 'none', staff: 'none' },
  limits: { ...rules.limits, toolCalls: 1_000, writes: 1_000 },
};

/** Like the models of the settings, but one that fails does not rest: it attacks in the next answer again. */
function tireless([model]: readonly AnsweringLlm[]): AnsweringLlm {
  const fallback = scripted();
  if (model === undefined) return fallback;
  return {
    ...model,
    answer: (request) =>
      model.answer(request).catch((error: unknown) => {
        if (isPolybError(error)) return fallback.answer(request);
        throw error;
      }),
  };
}

async function main(): Promise<void> {
  const { isUnguarded, ...setup } = AgentWorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  await hosted(
    'dialog-orchestrator',
    dialogOrchestrator((models) => tireless(models), isUnguarded ? noRules : rules),
    { ...setup, pace: { leaseMs: 8_000, renewMs: 2_000, idleMs: 150 } },
  );
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

if (import.meta.main) await main();
