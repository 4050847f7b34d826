/**
 * The protection off: a process that works a list off as a first script would. It looks at the clock of Moscow alone, knows no do-not-call
 * list, and notes a number as called after it called it, under a key that is new each time. Run by `campaign-under-kills.ts`.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { createBus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/transports/nats.ts';
import { telephony } from '../../contracts/telephony.ts';
import { quiet } from '../../runtime/noop-log.ts';
import { linesOf } from './ground.ts';
import { timeIn } from './moved-time.ts';

export const NaiveDialerSetup = z.object({
  natsUrl: z.string(),
  clockFile: z.string(),
  doneFile: z.string(),
  phones: z.array(z.string()),
});

async function main(): Promise<void> {
  const { natsUrl, clockFile, doneFile, phones } = NaiveDialerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const now = timeIn(clockFile);
  const name = 'call-orchestrator';
  const transport = await connectNats({ servers: natsUrl, name, inboxUser: name, signal: AbortSignal.timeout(25_000), timeoutMs: 10_000 });
  const bus = createBus({ transport, name, log: quiet });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
  const done = new Set(linesOf(doneFile));
  for (const to of phones) {
    if (done.has(to)) continue;
    const callId = `naive-${now()}-${randomUUID().slice(0, 8)}`;
    await bus.call(telephony.dial, { callId, to }, { key: randomUUID() }).catch(() => {}); // A refused number counts as called.
    appendFileSync(doneFile, `${to}\n`);
  }
}

if (import.meta.main) await main();
