/** `polyb dialogs eval --claims`. */
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { measureClaims } from '../claims/measure.ts';

export async function evalClaims({ out }: Invocation): Promise<number> {
  const figures = measureClaims();
  const { claims, heldBack, harmless, passed, missed, wronglyHeld } = figures;
  const share = (part: number, whole: number) => `${part} of ${whole} (${((part * 100) / whole).toFixed(1)} %)`;
  await out.result(figures, {
    text: () =>
      [
        `claims held back            ${share(heldBack, claims)}`,
        ...missed.map((line) => `    passed: ${line}`),
        `harmless sentences passed   ${share(passed, harmless)}`,
        ...wronglyHeld.map((line) => `    held back: ${line}`),
      ].join('\n'),
  });
  return 0;
}
