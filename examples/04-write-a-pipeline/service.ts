/** Receives guests. */
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { visits } from './contract.ts';
import { welcome } from './welcome.ts';

export default service({ serves: { visits }, settings: z.object({}) }).start(async () => ({
  visits: {
    welcome,
    hold_table: async () => ({ table: 7 }),
    lay_table: async ({ seats }) => ({ laidFor: seats }),
    confirm: async ({ visitId, seats }, { commit }) =>
      await commit(async (tx) => {
        tx.emit(visits.confirmed, { visitId, seats });
        return {};
      }),
  },
}));
