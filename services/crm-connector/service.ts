/** Contacts and leads in the configured CRMs, appointments in the configured booking systems. */
import { bookingAdapters } from '../../adapters/booking/index.ts';
import type { Booking } from '../../adapters/booking/port.ts';
import { crmAdapters } from '../../adapters/crm/index.ts';
import type { Crm } from '../../adapters/crm/port.ts';
import { type Connections, service } from '../../bus/service.ts';
import { gatherDependencies } from '../../bus/telemetry/dependency-reports.ts';
import { booking } from '../../contracts/booking.ts';
import { company } from '../../contracts/company.ts';
import { connections } from '../../contracts/connections.ts';
import { crm } from '../../contracts/crm.ts';
import { inbox } from '../../contracts/inbox.ts';
import { bookingHandlers } from './booking.ts';
import { companyHandlers } from './company.ts';
import { connectionHandlers, dependencyOf } from './connections.ts';
import { consentStates } from './consent-state.ts';
import { crmHandlers } from './crm.ts';
import { forgetRecords } from './forget-records.loop.ts';
import { onAppointment } from './on-appointment.ts';
import { onPhoneOwnersChanged } from './on-phone-owners-changed.ts';
import { rememberingWrites } from './own-writes.ts';
import { pausesIn } from './pauses.ts';
import { readChanges } from './read-changes.loop.ts';
import { reconcile } from './reconcile.loop.ts';
import { crmSettings } from './settings.ts';
import { slotIds } from './slot-id.ts';
import { watchedAdapter } from './watched-adapter.ts';

export default service({
  serves: { crm, booking, company, connections },
  uses: [inbox.phone_owners_changed],
  discovers: true,
  settings: crmSettings,
  vendors: {
    crm: { setting: 'CRM_KIND', catalogue: crmAdapters, fallback: 'postgres', connections: 'CRM_CONNECTIONS' },
    booking: { setting: 'BOOKING_KIND', catalogue: bookingAdapters, fallback: 'postgres', connections: 'BOOKING_CONNECTIONS' },
  },
}).start(async ({ settings, vendors, bus, db, secretKey, log, now }) => {
  const pauses = pausesIn(db, now);
  const watchAll = <T extends object>(kind: 'crm' | 'booking', adapters: Connections<T>): Connections<T> =>
    new Map(
      [...adapters].map(([connection, adapter]) => [
        connection,
        watchedAdapter(adapter, bus.health.of(dependencyOf(kind, connection)), () => pauses.mayCall({ kind, connection })),
      ]),
    );
  const known = { db, log };
  const adapters = {
    crm: new Map([...watchAll('crm', vendors.crm)].map(([name, adapter]) => [name, rememberingWrites(adapter, name, known)])),
    booking: watchAll('booking', vendors.booking),
  };
  const deliveries = { key: () => secretKey('webhooks'), commit: bus.commit, settleMs: settings.CRM_WEBHOOK_SETTLE_MS };
  const changes = { ...adapters, db, commit: bus.commit, log };
  return {
    crm: crmHandlers(adapters.crm, { db, reuseHours: settings.CRM_LEAD_REUSE_HOURS, deliveries, now }),
    booking: bookingHandlers({ connections: adapters.booking, slotIds: slotIds(() => secretKey('slots'), now), deliveries, db, now }),
    on: [onPhoneOwnersChanged(), ...(settings.CRM_NOTE_APPOINTMENTS ? onAppointment(elsewhere(vendors)) : [])],
    company: companyHandlers(adapters.booking),
    connections: connectionHandlers({
      ...adapters,
      pauses,
      consentStates: consentStates(() => secretKey('consent'), now),
      webhookKey: deliveries.key,
      reports: gatherDependencies(bus, now),
      db,
      now,
    }),
    loops: [
      readChanges(changes),
      ...reconcile(adapters.booking, { ...changes, now }, settings.BOOKING_RECONCILE_MS),
      forgetRecords(db, now),
    ],
  };
});

/** Booking connections of another system than the primary CRM, which shows its own appointments. */
function elsewhere({ crm, booking }: { readonly crm: Connections<Crm>; readonly booking: Connections<Booking> }): ReadonlySet<string> {
  const primary = crm.get('main')?.capabilities().crm;
  return new Set([...booking].filter(([, each]) => each.capabilities().system !== primary).map(([name]) => name));
}
