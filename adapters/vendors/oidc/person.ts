/** A person from the claims of an ID token and of the userinfo endpoint. Source: OpenID Connect Core 1.0, sections 2 and 5.1. */
import { createHash } from 'node:crypto';
import type { PersonRole } from '../../../contracts/kit/define.ts';
import { PersonId } from '../../../contracts/people.ts';
import type { ProvidedPerson } from '../../identity/port.ts';
import type { OidcSettings } from './settings.ts';

export type Claims = Readonly<Record<string, unknown>>;
type Naming = Pick<OidcSettings, 'OIDC_LOGIN_CLAIM' | 'OIDC_ROLE_CLAIM' | 'OIDC_ROLES'>;

/** @param claims Those of the ID token win over those of userinfo. */
export function personOf(claims: Claims, { OIDC_LOGIN_CLAIM, OIDC_ROLE_CLAIM, OIDC_ROLES }: Naming): ProvidedPerson {
  const login = textOf(claimAt(claims, OIDC_LOGIN_CLAIM))?.trim().toLowerCase().split('@')[0];
  const values = [claimAt(claims, OIDC_ROLE_CLAIM)].flat();
  const chosen = OIDC_ROLES.map(pairOf).find(([value]) => values.includes(value));
  return {
    identity: createHash('sha256')
      .update(JSON.stringify([claims.iss, claims.sub]))
      .digest('hex'),
    login: PersonId.safeParse(login).data ?? null,
    name: lineOf(textOf(claims.name) ?? '') || null,
    role: chosen?.[1] ?? null,
  };
}

/** The claim of that name, or else the field to which its dots lead: Auth0 has names with dots, and Keycloak has objects. */
export function claimAt(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : name.split('.').reduce<unknown>(fieldOf, claims);
}
function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Claims)[name] : undefined;
}
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
function pairOf(pair: string): readonly [value: string, role: PersonRole] {
  const [value = '', role] = pair.split('=');
  return [value.trim(), role as PersonRole]; // The schema of the setting admits only roles.
}
/** Without invisible characters; as long as a name may be. */
function lineOf(name: string): string {
  return [...name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').replace(/\s+/g, ' ')].slice(0, 50).join('').trim();
}
