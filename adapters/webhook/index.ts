/** Adapters for outgoing events by WEBHOOK_KIND. */
import { standardSettings, standardWebhooks } from './standard.ts';

export const webhookAdapters = { standard: { settings: standardSettings, create: standardWebhooks } } as const;
