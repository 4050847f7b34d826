/** Which methods each system supports, as its adapter says. */

import type { z } from 'zod';
import { bookingAdapters } from '../../adapters/booking/index.ts';
import { crmAdapters } from '../../adapters/crm/index.ts';
import type { Catalogue } from '../../bus/service.ts';
import type { Support } from '../../contracts/crm.ts';

export interface SystemCapabilities {
  readonly kind: 'crm' | 'booking';
  readonly system: string;
  readonly methods: Readonly<Record<string, z.output<typeof Support>>>;
}
type Adapter = { capabilities(): { readonly methods: SystemCapabilities['methods'] } };

const schedule = {
  timeZone: 'Europe/Moscow',
  services: [{ serviceId: 'visit', name: 'Visit', durationMinutes: 60 }],
  hours: [{ weekday: 1, from: '10:00', to: '18:00' }],
};
/** Settings with which an adapter can be made without a connection; by default there are no required ones. */
const examples: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  amocrm: { AMOCRM_SUBDOMAIN: 'example', AMOCRM_TOKEN: 'token', AMOCRM_SCHEDULE: JSON.stringify(schedule) },
  altegio: { ALTEGIO_PARTNER_TOKEN: 'token', ALTEGIO_USER_TOKEN: 'token', ALTEGIO_LOCATION_ID: '1' },
  bitrix24: { BITRIX24_WEBHOOK_URL: 'https://example.bitrix24.ru/rest/1/code/', BITRIX24_SERVICES_IBLOCK_ID: '1' },
  easyweek: { EASYWEEK_API_KEY: 'key', EASYWEEK_WORKSPACE: 'example', EASYWEEK_LOCATION_ID: '11111111-1111-4111-8111-111111111111' },
  espocrm: {
    ESPOCRM_URL: 'https://crm.example',
    ESPOCRM_API_KEY: 'key',
    ESPOCRM_ASSIGNED_USER_ID: '1',
    ESPOCRM_SCHEDULE: JSON.stringify(schedule),
  },
  onec: { ONEC_URL: 'https://1c.example/trade', ONEC_USER: 'polyb' },
  yclients: { YCLIENTS_PARTNER_TOKEN: 'token', YCLIENTS_USER_TOKEN: 'token', YCLIENTS_COMPANY_ID: '1' },
};

/** Of every system that there is an adapter for. No request is sent. */
export function allCapabilities(): readonly SystemCapabilities[] {
  return [...of('crm', crmAdapters), ...of('booking', bookingAdapters)];
}
function of(kind: SystemCapabilities['kind'], catalogue: Catalogue<unknown>): readonly SystemCapabilities[] {
  return Object.entries(catalogue).map(([system, { settings, create }]) => {
    const adapter = create(settings.parse(examples[system] ?? {}) as never, idle as never) as Adapter;
    return { kind, system, methods: adapter.capabilities().methods };
  });
}
/** Dependencies of an adapter that only says what it can do. */
const idle = {
  connection: 'main',
  now: Date.now,
  cache: {},
  db: {},
  log: {},
  metrics: {},
  http: () => Promise.reject(new Error('no request')),
};
