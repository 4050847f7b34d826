import type { HttpAnswer } from './deps.ts';

/** The body of a reply if it is a JSON object; undefined for the page of a proxy or a firewall. */
export function jsonObjectIn(answer: HttpAnswer): object | undefined {
  try {
    const body = answer.json();
    return typeof body === 'object' && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}
