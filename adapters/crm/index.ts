/** CRM adapters by `CRM_KIND`. */
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { altegioCrm } from '../vendors/altegio/crm.ts';
import { altegioCrmSettings } from '../vendors/altegio/settings.ts';
import { amoCrm } from '../vendors/amocrm/crm.ts';
import { amoSettings } from '../vendors/amocrm/settings.ts';
import { bitrixCrm } from '../vendors/bitrix24/crm.ts';
import { bitrixOAuth } from '../vendors/bitrix24/oauth.ts';
import { type BitrixSettings, bitrixSettings } from '../vendors/bitrix24/settings.ts';
import { dikidiCrm } from '../vendors/dikidi/crm.ts';
import { espoCrm, espoSettings } from '../vendors/espocrm/crm.ts';
import { onecCrm, onecSettings } from '../vendors/onec/crm.ts';
import { yclientsCrm } from '../vendors/yclients/crm.ts';
import { yclientsCrmSettings } from '../vendors/yclients/settings.ts';
import { memoryCrm } from './memory.ts';
import type { Crm } from './port.ts';
import { postgresCrm } from './postgres.ts';

export const crmAdapters = {
  postgres: { settings: z.object({}), create: (_: object, deps: Deps) => postgresCrm(deps) },
  memory: { settings: z.object({}), create: (_: object, deps: Deps) => memoryCrm(deps) },
  amocrm: { settings: amoSettings, create: amoCrm },
  espocrm: { settings: espoSettings, create: espoCrm },
  onec: { settings: onecSettings, create: onecCrm },
  yclients: { settings: yclientsCrmSettings, create: yclientsCrm },
  altegio: { settings: altegioCrmSettings, create: altegioCrm },
  bitrix24: {
    settings: bitrixSettings,
    create: (options: BitrixSettings, deps: Deps): Crm => bitrixCrm(options, deps, bitrixOAuth(options, deps)),
  },
  dikidi: { settings: z.object({}), create: (_: object, _deps: Deps): Crm => dikidiCrm() },
};
