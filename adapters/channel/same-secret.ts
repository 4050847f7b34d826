import { hash, timingSafeEqual } from 'node:crypto';

/** Compares without telling by its time where two secrets differ, nor how long the right one is. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => hash('sha256', text, 'buffer');
  return timingSafeEqual(digest(given), digest(expected));
}
