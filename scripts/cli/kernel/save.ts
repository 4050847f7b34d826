import { writeFileSync } from 'node:fs';
import { wrongUsage } from './failure.ts';
import type { Output } from './output.ts';

/** Writes a result: bytes and strings as they are, anything else as JSON. */
export async function save(result: unknown, file: string, out: Output): Promise<void> {
  const isPlain = typeof result === 'string' || result instanceof Uint8Array;
  try {
    writeFileSync(file, isPlain ? result : `${JSON.stringify(result, null, 2)}\n`);
  } catch (error) {
    throw wrongUsage(`cannot write ${file}: ${(error as { code?: string } | null)?.code ?? String(error)}`, {
      subject: 'call',
      effect: 'executed',
    });
  }
  out.note(`written to ${file}`, 'ok');
}
