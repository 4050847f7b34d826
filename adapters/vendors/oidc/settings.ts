import { z } from 'zod';
import { list, secret, text, url } from '../../../config/settings.ts';
import { personRoles } from '../../../contracts/kit/define.ts';

const claim = () => text({ max: 200, like: /^[\x21-\x7e]+$/, expected: 'the name of a claim' });

export const oidcSettings = z.object({
  OIDC_ISSUER: url(['https', 'http']).describe(
    'Issuer of the identity provider, as its discovery document names it. http is for an origin in HTTP_ALLOW_PRIVATE.',
  ),
  OIDC_CLIENT_ID: text({ max: 200 }).describe('Id of this system at the identity provider.'),
  OIDC_CLIENT_SECRET: secret().describe('Secret of this system at the identity provider.'),
  OIDC_NAME: text({ max: 60 }).optional().describe('Name of the identity provider on the log-in page. Default: the host of its issuer.'),
  OIDC_SCOPES: list(text({ max: 100, like: /^[\x21\x23-\x5b\x5d-\x7e]+$/, expected: 'a scope' }), { max: 20 })
    .default(['profile'])
    .describe('Scopes to ask for besides `openid`. Some providers give roles only with another one.'),
  OIDC_LOGIN_CLAIM: claim()
    .default('preferred_username')
    .describe('Claim that names a new person here. Of an e-mail address, the part before the @ counts.'),
  OIDC_ROLE_CLAIM: claim()
    .default('roles')
    .describe('Claim with the roles or groups of a person, a text or a list. A dot leads into an object: `realm_access.roles`.'),
  OIDC_ROLES: list(text({ max: 200, like: new RegExp(`^[^=]+=(${personRoles.join('|')})$`) }), { max: 50 })
    .refine((pairs) => pairs.length > 0)
    .meta({ expected: `up to 50 comma-separated pairs of a value of the role claim and a role (${personRoles.join(', ')})` })
    .describe('Roles here by values of the role claim, the more important first: it=admin,sales=manager. Who has none cannot log in.'),
  OIDC_AMR: list(text({ max: 60 }), { max: 20 })
    .default([])
    .describe('Ways to prove oneself, one of which the claim `amr` must name: mfa,otp,hwk. Default: the provider decides.'),
});
export type OidcSettings = z.output<typeof oidcSettings>;
