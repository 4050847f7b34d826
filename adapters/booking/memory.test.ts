import { Company } from '../../contracts/company.ts';
import salon from '../../services/crm-connector/salon.json' with { type: 'json' };
import { bookingConformance } from './conformance.ts';
import { memoryBooking } from './memory.ts';

bookingConformance('the booking calendar in memory', async () => {
  const now = Date.parse('2026-12-07T06:00:00Z');
  const booking = memoryBooking({ now: () => now }, Company.parse(salon));
  const somebody = booking.addClient({ name: 'Walk-in', phones: [], email: null, isMasked: false });
  const { signal } = new AbortController();
  let nth = 0;
  return {
    booking,
    from: '2026-12-08',
    serviceId: 'haircut',
    addClient: async ({ name, phones }) => booking.addClient({ name, phones: [...phones], email: null, isMasked: false }),
    async occupy(slot) {
      nth += 1;
      await booking.bookSlot.attempt({ slot, clientId: somebody, client: null, comment: undefined }, { ref: `walk-in-${nth}`, signal });
    },
    stop: async () => {},
  };
});
