/** The company of the built-in booking calendar. */
import type { Booking, CompanyRecord } from '../../adapters/booking/port.ts';
import { unsupported } from '../../adapters/unsupported.ts';
import { type Connections, connectionFor, type HandlersOf } from '../../bus/service.ts';
import type { company } from '../../contracts/company.ts';

export function companyHandlers(connections: Connections<Booking>): HandlersOf<typeof company> {
  const recordOf = (input: { readonly connection?: string | undefined }): CompanyRecord => {
    const adapter = connectionFor(connections, input);
    if (adapter.company !== undefined) return adapter.company;
    throw unsupported(adapter.capabilities().system, 'a company; the booking system keeps its own services and hours');
  };
  return {
    get: async (input) => ({ company: await recordOf(input).get() }),
    async set({ company: next, ...input }) {
      await recordOf(input).set(next);
      return { services: next.services.length, employees: next.employees.length };
    },
  };
}
