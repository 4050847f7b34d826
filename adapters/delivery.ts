/** The body of a delivery to a webhook, before its vendor reads it. */
import { PolybError } from '../contracts/kit/errors.ts';

export function badSignature(text: string): PolybError {
  return new PolybError('permission_denied', text, { reason: 'bad_signature' });
}
export function badBody(text: string): PolybError {
  return new PolybError('invalid_argument', text, { reason: 'bad_body' });
}
/** @throws PolybError bad_body. */
export function jsonOf(body: Uint8Array, sender: string): unknown {
  const text = textOf(body, sender);
  try {
    return JSON.parse(text);
  } catch {
    throw badBody(`Expected JSON in a delivery of ${sender}.`);
  }
}
/** The fields of a form as PHP names them: `leads[add][0][id]`. @throws PolybError bad_body. */
export function formOf(body: Uint8Array, sender: string): URLSearchParams {
  return new URLSearchParams(textOf(body, sender));
}
function textOf(body: Uint8Array, sender: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw badBody(`Expected UTF-8 in a delivery of ${sender}.`);
  }
}
