/** How events go out, by the name that WEBHOOK_KIND gives. */
import { standardSettings, standardWebhooks } from './standard.ts';

export const webhookAdapters = { standard: { settings: standardSettings, create: standardWebhooks } } as const;
