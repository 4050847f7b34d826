/** The fake of amoCRM in a process of its own, whose clock no other work delays. It reports the status of each reply. */
import { z } from 'zod';
import { amoFake } from '../../adapters/vendors/amocrm/fake.ts';

export const AmoSetup = z.object({ perSecond: z.int(), blockedAfter: z.int(), contacts: z.int(), effects: z.string() });
export const AmoReady = z.object({ url: z.string(), contactIds: z.array(z.string()) });
export const AmoReply = z.object({ at: z.number(), status: z.int() });

async function main(): Promise<void> {
  const { perSecond, blockedAfter, contacts, effects } = AmoSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const { url, records } = await amoFake({
    limit: perSecond,
    blockedAfter,
    effects,
    onReply: (status) => process.send?.({ at: performance.now(), status } satisfies z.input<typeof AmoReply>),
  });
  const contactIds = Array.from({ length: contacts }, (_, nth) => String(records.contact({ name: `Guest ${nth}` }).id));
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: { url, contactIds } satisfies z.input<typeof AmoReady> });
}

if (import.meta.main) await main();
