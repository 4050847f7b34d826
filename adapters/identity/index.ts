/** Identity providers by IDENTITY_KIND. */
import { z } from 'zod';
import { oidc } from '../vendors/oidc/identity.ts';
import { oidcSettings } from '../vendors/oidc/settings.ts';
import type { IdentityProvider } from './port.ts';

export const identityAdapters = {
  none: { settings: z.object({}), create: (): IdentityProvider | null => null },
  oidc: { settings: oidcSettings, create: oidc },
} as const;
