/** Guards decide whether a keyed call may begin now. */
import type { Method } from '../../contracts/kit/define.ts';
import type { Guard, Refusal, Verdict } from '../service.ts';
import type { JournalParts } from './journal-parts.ts';

/** The first verdict other than go. */
export async function firstRefusal(
  parts: JournalParts,
  method: Method,
  input: unknown,
  tx: Parameters<Guard['check']>[1],
): Promise<Exclude<Verdict, 'go'> | null> {
  for (const { check } of parts.guards.get(method.address) ?? []) {
    const verdict = await check(input, tx);
    if (verdict !== 'go') return verdict;
  }
  return null;
}

export function refusalOf({ refuse, why = `A rule forbids it: ${refuse}.` }: Refusal): string {
  return why;
}
