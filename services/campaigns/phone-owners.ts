import { phoneOwners } from '../../adapters/store/phone-owners.ts';

export const phonesOfMembers = phoneOwners('campaigns.phone_owners');
