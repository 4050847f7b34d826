/** The hostile model in a process of its own. Run by `agent-under-attack.ts`. */
import { z } from 'zod';
import { hostileModel } from '../kit/hostile-model.ts';

export const HostileSetup = z.object({ seed: z.int(), canaries: z.array(z.string()) });

async function main(): Promise<void> {
  const model = await hostileModel({ ...HostileSetup.parse(JSON.parse(process.argv[2] ?? '{}')), isRecorded: false });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: model.url });
}

if (import.meta.main) await main();
