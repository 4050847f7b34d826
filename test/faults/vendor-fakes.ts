/** The fakes of all vendors that can be asked after a lost answer, and the settings that connect to them by their names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeServer } from '../../adapters/fake-server.ts';
import { altegioFake } from '../../adapters/vendors/altegio/fake.ts';
import { amoFake, amoIntegration, amoPipelines } from '../../adapters/vendors/amocrm/fake.ts';
import { bitrixFake } from '../../adapters/vendors/bitrix24/fake.ts';
import { easyWeekFake, easyWeekUser } from '../../adapters/vendors/easyweek/fake.ts';
import { espoFake, espoUsers } from '../../adapters/vendors/espocrm/fake.ts';
import { onecFake, onecUser } from '../../adapters/vendors/onec/fake.ts';
import { standardMapping } from '../../adapters/vendors/onec/mapping.ts';
import { salonFake, salonUser } from '../../adapters/vendors/yclients/fake.ts';

export const vendorNames = ['espocrm', 'amocrm', 'bitrix24', 'onec', 'yclients', 'altegio', 'easyweek'] as const;
export type VendorName = (typeof vendorNames)[number];
export interface VendorFakes extends AsyncDisposable {
  readonly fakes: Readonly<Record<VendorName, FakeServer>>;
  readonly settings: Readonly<Record<string, string>>;
  effectsOf(name: VendorName): string;
}

const settleMs = '1000';
const schedule = {
  stepMinutes: 60,
  services: [{ serviceId: 'haircut', name: 'Стрижка', durationMinutes: 60 }],
  hours: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from: '09:00', to: '20:00' })),
};
const inMoscow = JSON.stringify({ timeZone: 'Europe/Moscow', ...schedule });
/** Appointments are no part of a standard configuration. */
const onecMapping = {
  ...(JSON.parse(readFileSync(standardMapping, 'utf8')) as object),
  employees: { entity: 'Catalog_Пользователи', name: 'Description', position: 'Должность', where: { Недействителен: false } },
  appointments: {
    entity: 'Document_ЗаписьКлиента',
    reference: { attribute: 'Идентификатор', as: 'value' },
    createdAt: 'Date',
    contact: 'Партнер_Key',
    employee: 'Сотрудник_Key',
    services: 'Услуги',
    start: 'Начало',
    durationMinutes: 'Длительность',
    status: { attribute: 'Состояние', booked: 'Записан', cancelled: 'Отменен' },
    comment: 'Комментарий',
  },
};

export async function vendorFakes(dir: string): Promise<VendorFakes> {
  const effectsOf = (name: VendorName): string => join(dir, `${name}.jsonl`);
  const at = (name: VendorName) => ({ effects: effectsOf(name) });
  const espocrm = await espoFake(at('espocrm'));
  for (const name of ['Анна', 'Борис'])
    espocrm.records.put('User', { userName: name, name, title: 'Мастер', type: 'regular', isActive: true });
  const bitrix24 = await bitrixFake({ ...at('bitrix24'), bucket: { limit: 1e6, perSecond: 1e6 } });
  const fakes = {
    espocrm,
    amocrm: await amoFake({ ...at('amocrm'), limit: 100_000 }),
    bitrix24,
    onec: await onecFake(at('onec')),
    yclients: await salonFake({ ...at('yclients'), isLimited: false }),
    altegio: await altegioFake({ ...at('altegio'), isLimited: false }),
    easyweek: await easyWeekFake({ ...at('easyweek'), isLimited: false }),
  };
  const { amocrm, onec, yclients, altegio, easyweek } = fakes;
  const own: Readonly<Record<VendorName, Readonly<Record<string, string>>>> = {
    espocrm: {
      ESPOCRM_URL: espocrm.url,
      ESPOCRM_API_KEY: espoUsers.apiKey,
      ESPOCRM_ASSIGNED_USER_ID: espoUsers.userId,
      ESPOCRM_REFERENCE_FIELD: 'cPolybRef',
      ESPOCRM_SETTLE_MS: settleMs,
      ESPOCRM_SCHEDULE: inMoscow,
    },
    amocrm: {
      AMOCRM_SUBDOMAIN: 'fake',
      AMOCRM_URL: amocrm.url,
      AMOCRM_TOKEN: amoIntegration.token,
      AMOCRM_PIPELINE_ID: String(amoPipelines.main.id),
      AMOCRM_STATUS_NEW_ID: String(amoPipelines.main.statuses[0]),
      AMOCRM_DEAL_PIPELINE_ID: String(amoPipelines.deals.id),
      AMOCRM_SETTLE_MS: settleMs,
      AMOCRM_SCHEDULE: inMoscow,
    },
    bitrix24: { BITRIX24_WEBHOOK_URL: bitrix24.webhookUrl, BITRIX24_SERVICES_IBLOCK_ID: '23', BITRIX24_SETTLE_MS: settleMs },
    onec: {
      ONEC_URL: onec.url,
      ONEC_USER: onecUser.user,
      ONEC_PASSWORD: onecUser.password,
      ONEC_MAPPING: JSON.stringify(onecMapping),
      ONEC_SCHEDULE: JSON.stringify(schedule),
      ONEC_SETTLE_MS: settleMs,
    },
    yclients: {
      YCLIENTS_URL: `${yclients.url}/api/v1`,
      YCLIENTS_PARTNER_TOKEN: salonUser.partnerToken,
      YCLIENTS_USER_TOKEN: salonUser.userToken,
      YCLIENTS_COMPANY_ID: salonUser.companyId,
      YCLIENTS_FALLBACK_EMAIL: 'visits@example.com',
      YCLIENTS_SETTLE_MS: settleMs,
    },
    altegio: {
      ALTEGIO_URL: `${altegio.url}/api/v1`,
      ALTEGIO_PARTNER_TOKEN: salonUser.partnerToken,
      ALTEGIO_USER_TOKEN: salonUser.userToken,
      ALTEGIO_LOCATION_ID: salonUser.companyId,
      ALTEGIO_SETTLE_MS: settleMs,
    },
    easyweek: {
      EASYWEEK_URL: `${easyweek.url}/api/public/v2`,
      EASYWEEK_API_KEY: easyWeekUser.apiKey,
      EASYWEEK_WORKSPACE: easyWeekUser.workspace,
      EASYWEEK_LOCATION_ID: easyWeekUser.locationId,
      EASYWEEK_SETTLE_MS: settleMs,
    },
  };
  const prefixed = vendorNames.flatMap((name) =>
    Object.entries({ CRM_KIND: name, BOOKING_KIND: name, ...own[name] }).map(([setting, value]) => [
      `${name.toUpperCase()}_${setting}`,
      value,
    ]),
  );
  return {
    fakes,
    effectsOf,
    settings: {
      CRM_CONNECTIONS: ['main', ...vendorNames.filter((name) => name !== 'easyweek')].join(','),
      BOOKING_CONNECTIONS: ['main', ...vendorNames].join(','),
      CRM_NOTE_APPOINTMENTS: 'false',
      BOOKING_RECONCILE_MS: '86400000',
      ...Object.fromEntries(prefixed),
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(fakes).map((fake) => fake.close()));
    },
  };
}
