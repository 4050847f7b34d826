import { hash, timingSafeEqual } from 'node:crypto';

/** Constant-time comparison of secrets, which also hides the length of the right one. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => hash('sha256', text, 'buffer');
  return timingSafeEqual(digest(given), digest(expected));
}
