/** The settings with which the services run, as their instances report them. */
import { z } from 'zod';
import type { Bus } from '../../bus/service.ts';
import type { OutputOf } from '../../contracts/kit/define.ts';
import type { system } from '../../contracts/system.ts';

type Setting = OutputOf<typeof system.list_settings>['settings'][number];
const Report = z.object({
  daemon: z.string().max(64),
  instance: z.string().max(64),
  settings: z
    .array(
      z.object({
        name: z.string().max(130),
        group: z.string().max(100),
        value: z.string().max(2_000).nullable(),
        isSecret: z.boolean(),
        isSet: z.boolean(),
        origin: z.string().max(300),
        what: z.string().max(2_000),
      }),
    )
    .max(2_000),
});
type Report = z.output<typeof Report>;

/** @param contractsOf A contract of each service that responds, under which its instances hear a control request. */
export async function surveySettings(
  bus: Pick<Bus, 'gather'>,
  prefix: string,
  contractsOf: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Setting[]> {
  const replies = await Promise.all(
    [...contractsOf.values()].map((contract) =>
      bus.gather(`${prefix}.ctl.${contract}`, { op: 'settings' }, { waitMs: 2_000, quietMs: 250, signal }),
    ),
  );
  const reports = replies.flat().flatMap((reply) => Report.safeParse(reply).data ?? []);
  return [...Map.groupBy(reports, ({ daemon }) => daemon)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([daemon, of]) => settingsOf(daemon, of));
}

/** A setting that differs between instances is listed once for each value or source. A secret that differs does not show. */
function settingsOf(service: string, reports: readonly Report[]): readonly Setting[] {
  const all = reports.flatMap(({ settings }) => settings);
  const same = Map.groupBy(all, ({ group, name, value, origin }) => JSON.stringify([group, name, value, origin]));
  return [...same.values()].flatMap((equal) => {
    const [first] = equal;
    // A value of a secret is dropped here too, whatever an instance says.
    return first === undefined
      ? []
      : [
          {
            ...first,
            service,
            value: first.isSecret ? null : first.value,
            instances: equal.length,
            isShared: equal.length === reports.length,
          },
        ];
  });
}
