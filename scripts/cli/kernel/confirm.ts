/** Before something reaches a customer or destroys something: a question on a terminal, --yes elsewhere. */
import { createInterface } from 'node:readline/promises';
import { wrongUsage } from './failure.ts';
import type { Output } from './output.ts';

/** Resolves when it may go on. @throws invalid_argument when the answer is no, or when nobody can be asked and --yes is not given. */
export async function confirm(
  question: string,
  { out, signal, subject }: { out: Output; signal: AbortSignal; subject: string },
): Promise<void> {
  if (out.assumeYes) return;
  if (!out.canAsk)
    throw wrongUsage(`${question}; without a terminal this requires --yes`, { subject, next: ['add --yes (-y) to continue'] });
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question}. Continue? [y/N] `, { signal });
    if (!/^(y|yes|д|да)$/i.test(answer.trim())) throw wrongUsage('not confirmed', { subject });
  } finally {
    lines.close();
  }
}
