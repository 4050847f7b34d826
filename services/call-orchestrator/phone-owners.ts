import { phoneOwners } from '../../adapters/store/phone-owners.ts';

export const phonesOfCalls = phoneOwners('call_orchestrator.phone_owners');
