/** A process that hosts sender without its knowledge of messages that may have gone out: it sends them again. Run by `agent-under-kills.ts`. */
import { z } from 'zod';
import sender from '../../services/sender/service.ts';
import { hosted } from './hosted.ts';
import { blinded } from './vendor-worker.ts';

export const SenderWorkerSetup = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  settings: z.record(z.string(), z.string()),
  allowPrivate: z.array(z.string()),
});

async function main(): Promise<void> {
  const setup = SenderWorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  await hosted(
    'sender',
    { ...sender, vendors: blinded(sender.vendors) },
    { ...setup, pace: { leaseMs: 2_000, renewMs: 500, idleMs: 150 } },
  );
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

if (import.meta.main) await main();
