import { readFileSync } from 'node:fs';
import type { Invocation } from '../kernel/command.ts';

/** `polyb version` with flags; alone, polyb.js answers it. */
export async function version({ out }: Invocation): Promise<number> {
  const { version: polyb } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
  await out.result({ version: polyb, node: process.versions.node }, { text: () => polyb });
  return 0;
}
