/** `polyb docs`. */

import type { Invocation } from '../kernel/command.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { resolveTarget } from '../kernel/method.ts';
import { page } from './describe.ts';

/** The page of one method, from the contracts. */
export async function docsPage({ args, out }: Invocation): Promise<number> {
  const [typed] = args;
  if (typed === undefined)
    throw wrongUsage('expected an address, build or check', { subject: 'docs', next: ['polyb docs crm.push_to_crm', 'polyb docs build'] });
  const { entry } = await resolveTarget(typed);
  await out.result(entry, { text: () => page(entry, out) });
  return 0;
}

export async function docsBuild({ out, groups }: Invocation): Promise<number> {
  const { buildDocs } = await import('../docs/build.ts');
  const changed = await buildDocs(await groups());
  await out.result({ changed }, { text: () => changed.join('\n') });
  out.note(changed.length === 0 ? 'all files were current' : `${changed.length} files written`, 'ok');
  return 0;
}

export async function docsCheck({ out, groups }: Invocation): Promise<number> {
  const { checkDocs } = await import('../docs/build.ts');
  const drift = await checkDocs(await groups());
  await out.result({ current: drift.length === 0, drift }, { text: () => drift.map(({ path, what }) => `${what}  ${path}`).join('\n') });
  if (drift.length === 0) out.note('generated files are current', 'ok');
  else out.note(`${drift.length} generated files are not current\n  polyb docs build`, 'bad');
  return drift.length === 0 ? 0 : 9;
}
