/** Altegio as a CRM: the platform of YCLIENTS. */
import type { z } from 'zod';
import type { Crm } from '../../crm/port.ts';
import type { Deps } from '../../deps.ts';
import { salonCrm } from '../yclients/crm.ts';
import { altegioPlatform } from './platform.ts';
import { type altegioCrmSettings, altegioOptions } from './settings.ts';

export function altegioCrm(settings: z.output<typeof altegioCrmSettings>, deps: Pick<Deps, 'http' | 'cache' | 'now'>): Crm {
  return salonCrm(altegioPlatform, altegioOptions(settings), deps);
}
