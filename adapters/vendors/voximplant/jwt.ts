import { createPrivateKey, sign } from 'node:crypto';
import { z } from 'zod';

/** The file of a service account, as the control panel of Voximplant gives it. */
export const ServiceAccount = z.object({
  account_id: z.union([z.number(), z.string()]).transform(String),
  key_id: z.string().min(1).max(100),
  private_key: z.string().min(100).max(8000),
});
export type ServiceAccount = z.output<typeof ServiceAccount>;

/** Voximplant refuses a token that is valid for longer. */
const validSeconds = 64;

/** A token that proves the service account: RS256. Source: voximplant.com/docs/guides/managementapi/authorization. */
export function accountToken({ account_id, key_id, private_key }: ServiceAccount, nowMs: number): string {
  const issued = Math.floor(nowMs / 1000) - 5; // Clocks differ.
  const part = (fields: object): string => Buffer.from(JSON.stringify(fields)).toString('base64url');
  const signed = `${part({ typ: 'JWT', alg: 'RS256', kid: key_id })}.${part({ iss: account_id, iat: issued, exp: issued + validSeconds })}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), createPrivateKey(private_key)).toString('base64url')}`;
}
