/** `polyb contracts`. */
import type { Change } from '../../../contracts/kit/describe.ts';
import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';

export async function exportContracts({ flags, out }: Invocation): Promise<number> {
  const { contractsOfCode, exportContracts: documentOf } = await import('../docs/contracts.ts');
  const format = (['openapi', 'asyncapi', 'jsonschema'] as const).find((one) => one === flags.text('format')) ?? 'openapi';
  await out.result(documentOf(await contractsOfCode(), format));
  return 0;
}

export async function diffContracts({ args, out }: Invocation): Promise<number> {
  const [before, after] = args;
  if (before === undefined)
    throw wrongUsage('expected a file that polyb contracts export --format jsonschema wrote', {
      subject: 'contracts diff',
      next: ['polyb contracts diff --help'],
    });
  const { diffContracts: diff } = await import('../docs/contracts.ts');
  return await tell(out, await diff(before, after), 'nothing changed');
}

export async function checkContracts({ args, out }: Invocation): Promise<number> {
  const { checkContracts: check } = await import('../docs/contracts.ts');
  return await tell(out, await check(args[0]), 'the code is compatible with the release');
}

async function tell(out: Invocation['out'], changes: readonly Change[], fine: string): Promise<number> {
  const breaking = changes.filter((change) => change.breaking);
  await out.result(
    { breaking: breaking.length, changes },
    {
      items: changes,
      table: () => ({
        columns: ['BREAKS', 'WHERE', 'WHAT'],
        rows: changes.map(({ where, what, breaking: breaks }) => [breaks ? 'yes' : '', where, what]),
      }),
    },
  );
  if (breaking.length > 0)
    out.note(`${breaking.length} changes break callers; raise the major version of the contract, or undo them`, 'bad');
  else out.note(changes.length === 0 ? fine : `${changes.length} changes, none of which breaks a caller`, 'ok');
  return breaking.length > 0 ? 9 : 0;
}
