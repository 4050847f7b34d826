/** `polyb crm capabilities`: vendor × method, from the adapters. */
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { nearest } from '../../../scripts/cli/kernel/nearest.ts';

export async function showCapabilities({ args, out }: Invocation): Promise<number> {
  const { allCapabilities } = await import('../capabilities.ts');
  const all = allCapabilities();
  const [system] = args;
  const names = [...new Set(all.map((each) => each.system))];
  if (system !== undefined && !names.includes(system))
    throw wrongUsage(`expected a system: ${names.join(', ')}; got "${system}"`, {
      subject: 'crm capabilities',
      close: nearest(system, names),
    });
  const shown = all.filter((each) => system === undefined || each.system === system);
  await out.result(
    { items: shown },
    {
      table: () => ({
        columns: ['CONTRACT', 'METHOD', ...new Set(shown.map((each) => each.system))],
        rows: rowsOf(shown),
      }),
      items: shown,
    },
  );
  return 0;
}

type Capability = ReturnType<typeof import('../capabilities.ts').allCapabilities>[number];
function rowsOf(shown: readonly Capability[]): readonly (readonly string[])[] {
  const systems = [...new Set(shown.map((each) => each.system))];
  return (['crm', 'booking'] as const).flatMap((kind) => {
    const of = shown.filter((each) => each.kind === kind);
    const methods = [...new Set(of.flatMap((each) => Object.keys(each.methods)))];
    return methods.map((method) => [
      kind,
      method,
      ...systems.map((system) => of.find((each) => each.system === system)?.methods[method] ?? ''),
    ]);
  });
}
