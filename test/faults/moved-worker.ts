/** A process that hosts a service whose clock a test moves. Run by `campaign-under-kills.ts`. */
import { z } from 'zod';
import { loadServices } from '../../runtime/services.ts';
import { hosted } from './hosted.ts';
import { timeIn } from './moved-time.ts';

export const MovedWorkerSetup = z.object({
  folder: z.string(),
  clockFile: z.string(),
  natsUrl: z.string(),
  databaseUrl: z.string(),
  settings: z.record(z.string(), z.string()),
});

async function main(): Promise<void> {
  const { folder, clockFile, ...setup } = MovedWorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const [loaded] = await loadServices([folder]);
  if (loaded === undefined) throw new Error(`there is no service ${folder}`);
  const { service } = loaded;
  const now = timeIn(clockFile);
  await hosted(
    folder,
    { ...service, make: (parts) => service.make({ ...parts, now }) },
    { ...setup, pace: { leaseMs: 2_000, renewMs: 500, idleMs: 150 } },
  );
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

if (import.meta.main) await main();
