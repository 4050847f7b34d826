/** A process that hosts crm-connector in front of the fakes of several vendors, whose rates are off. Run by `vendor-storm.ts`. */
import { z } from 'zod';
import { memoryCache } from '../../adapters/cache/memory.ts';
import { lookUp } from '../../contracts/kit/define.ts';
import crmConnector from '../../services/crm-connector/service.ts';
import { hosted } from './hosted.ts';

export const VendorWorkerSetup = z.object({
  natsUrl: z.string(),
  databaseUrl: z.string(),
  settings: z.record(z.string(), z.string()),
  allowPrivate: z.array(z.string()),
  /** Attempts with an unknown outcome are repeated as if nothing had happened. */
  isBlind: z.boolean(),
});

type Vendors = Readonly<
  Record<string, { readonly catalogue: Readonly<Record<string, { readonly settings: object; create(...of: never): unknown }>> }>
>;
/** Adapters whose look-ups find nothing. */
export function blinded<V extends object>(vendors: V): V {
  const blindly = (adapter: object) =>
    Object.fromEntries(
      Object.entries(adapter).map(([name, member]) => [
        name,
        typeof member === 'object' && member !== null && 'onUnknown' in member
          ? { ...member, onUnknown: lookUp(0, async () => null) }
          : member,
      ]),
    );
  return Object.fromEntries(
    Object.entries(vendors as Vendors).map(([kind, { catalogue, ...vendor }]) => [
      kind,
      {
        ...vendor,
        catalogue: Object.fromEntries(
          Object.entries(catalogue).map(([name, { settings, create }]) => [
            name,
            {
              settings,
              create: (options: never, deps: never) => blindly((create as (options: never, deps: never) => object)(options, deps)),
            },
          ]),
        ),
      },
    ]),
  ) as V; // The same entries.
}

async function main(): Promise<void> {
  const { isBlind, ...setup } = VendorWorkerSetup.parse(JSON.parse(process.argv[2] ?? '{}'));
  const service = isBlind ? { ...crmConnector, vendors: blinded(crmConnector.vendors) } : crmConnector;
  const { bus } = await hosted('crm-connector', service, {
    ...setup,
    pace: { leaseMs: 2_000, renewMs: 500, idleMs: 150 },
    cache: { ...memoryCache({ now: Date.now }), take: async () => ({ isAllowed: true, remaining: 1, resetMs: 0, retryAfterMs: 0 }) },
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: bus.instance });
}

if (import.meta.main) await main();
