import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The value of `X-Twilio-Signature`: the URL and the sorted fields of the form, signed with the token of the account.
 * Source: twilio.com/docs/usage/security, Validating requests.
 */
export function twilioSignature(token: string, url: string, fields: Readonly<Record<string, string>> = {}): string {
  const signed = Object.keys(fields)
    .sort()
    .reduce((text, name) => text + name + fields[name], url);
  return createHmac('sha1', token).update(signed).digest('base64');
}

export function isSignedByTwilio(
  token: string,
  url: string,
  signature: string | readonly string[] | undefined,
  fields?: Readonly<Record<string, string>>,
): boolean {
  const expected = Buffer.from(twilioSignature(token, url, fields));
  const given = Buffer.from(typeof signature === 'string' ? signature : '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
