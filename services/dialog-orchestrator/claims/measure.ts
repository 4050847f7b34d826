/** Figures of the check on the sentences that it was not made with. */
import { checkText } from './check-text.ts';
import { claims, harmless, support } from './corpus.held-out.ts';

interface ClaimFigures {
  readonly claims: number;
  readonly heldBack: number;
  readonly harmless: number;
  readonly passed: number;
  /** Claims that passed, and harmless sentences that were held back. */
  readonly missed: readonly string[];
  readonly wronglyHeld: readonly string[];
}

export function measureClaims(): ClaimFigures {
  const passes = (line: string): boolean => checkText(line, support).ok;
  const missed = claims.filter(passes);
  const wronglyHeld = harmless.filter((line) => !passes(line));
  return {
    claims: claims.length,
    heldBack: claims.length - missed.length,
    harmless: harmless.length,
    passed: harmless.length - wronglyHeld.length,
    missed,
    wronglyHeld,
  };
}
