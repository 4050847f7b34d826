import type { z } from 'zod';
import { company } from '../../contracts/company.ts';
import salon from '../../services/crm-connector/salon.json' with { type: 'json' };
import { runScript, type Verdict } from '../../services/dialog-orchestrator/eval/run-script.ts';
import { aimock } from '../kit/aimock.ts';
import { dialogCalls, exampleScripts } from '../kit/dialogs.ts';
import type { EmulatedWorkerSetup } from './emulated-worker.ts';
import { openGround } from './ground.ts';
import type { FaultTest } from './test.ts';

export const t26: FaultTest = {
  id: 'T26',
  title: 'the conversations of examples/dialogs with a model behind the protocol of OpenAI; control: each answer comes one question late',
  async run(options) {
    const { control, signal, log } = options;
    await using ground = await openGround(options);
    await using cleanup = new AsyncDisposableStack();
    const emulator = await aimock([]);
    cleanup.defer(() => emulator.stop());
    const { natsUrl, databaseUrl } = ground;
    await ground.start({
      file: '../../runtime/serve.ts',
      args: ['crm-connector', 'journal'],
      env: {
        NATS_URL: natsUrl,
        DATABASE_URL: databaseUrl,
        LOG_LEVEL: 'error',
        POLYB_SECRET_KEY: 'the secret key of the fault tests: talks',
      },
    });
    const settings = {
      LLM_KIND: 'openai',
      OPENAI_BASE_URL: `${emulator.url}/v1`,
      OPENAI_API_KEY: 'sk-conversations',
      DIALOG_MODE: 'auto',
      DIALOG_GATHER_MS: '0',
      DIALOG_FRAGMENT_MS: '0',
    };
    const setup: z.input<typeof EmulatedWorkerSetup> = { natsUrl, databaseUrl, settings, emulator: emulator.url, isLate: control };
    await ground.start({ file: './emulated-worker.ts', args: [JSON.stringify(setup)] });
    const bus = await ground.client();
    await bus.call(company.set, { company: { ...salon, noticeMinutes: 0 } as never }, { timeoutMs: 30_000 });
    const call = dialogCalls(bus);
    const verdicts: Verdict[] = [];
    for (const [at, script] of exampleScripts().entries()) {
      signal.throwIfAborted();
      const verdict = await runScript(script, { call, run: `talk-${at}`, phone: `+7900555${String(at).padStart(4, '0')}`, keep: true });
      verdicts.push(verdict);
      if (!control && verdict.failures.length > 0) log(`${verdict.name}: ${verdict.failures.join('; ')}`);
    }
    const harm = verdicts.filter(({ failures }) => failures.length > 0).length;
    const asked = (await emulator.journal()).length;
    const turns = verdicts.reduce((sum, each) => sum + each.turns, 0);
    return { ok: harm === 0 && verdicts.length >= 60 && asked > turns / 2, harm, conversations: verdicts.length, turns, answers: asked };
  },
};
