import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type VendorWorld, vendorWorld } from '../../../test/kit/vendor-deps.ts';
import { altegioBooking } from '../altegio/booking.ts';
import { altegioCrm } from '../altegio/crm.ts';
import { altegioCrmSettings } from '../altegio/settings.ts';
import { yclientsBooking } from './booking.ts';
import { yclientsCrm } from './crm.ts';
import { type SalonFake, salonFake, salonUser } from './fake.ts';
import { yclientsCrmSettings } from './settings.ts';

let it: VendorWorld<SalonFake>;
beforeAll(async () => {
  it = await vendorWorld(Date.UTC(2030, 0, 31, 10), (now) => salonFake({ now, isLimited: false }));
});
afterAll(() => it.stop());

const { signal } = new AbortController();
const of = {
  YCLIENTS: () => {
    const settings = yclientsCrmSettings.parse({
      YCLIENTS_URL: `${it.fake.url}/api/v1`,
      YCLIENTS_PARTNER_TOKEN: salonUser.partnerToken,
      YCLIENTS_USER_TOKEN: salonUser.userToken,
      YCLIENTS_COMPANY_ID: salonUser.companyId,
    });
    const { YCLIENTS_USER_TOKEN: _, ...guest } = settings;
    return {
      crm: yclientsCrm(settings, it.deps),
      booking: yclientsBooking(settings, it.deps),
      guest: yclientsBooking({ ...guest, YCLIENTS_USER_TOKEN: undefined }, it.deps),
    };
  },
  Altegio: () => {
    const settings = altegioCrmSettings.parse({
      ALTEGIO_URL: `${it.fake.url}/api/v1`,
      ALTEGIO_PARTNER_TOKEN: salonUser.partnerToken,
      ALTEGIO_USER_TOKEN: salonUser.userToken,
      ALTEGIO_LOCATION_ID: salonUser.companyId,
    });
    const { ALTEGIO_USER_TOKEN: _, ...guest } = settings;
    return {
      crm: altegioCrm(settings, it.deps),
      booking: altegioBooking(settings, it.deps),
      guest: altegioBooking({ ...guest, ALTEGIO_USER_TOKEN: undefined }, it.deps),
    };
  },
};
const request = (body: string | Uint8Array) => ({ headers: {}, query: {}, body: Buffer.from(body as string) });
const record = (status: string) =>
  `{"company_id":4564,"resource":"record","resource_id":2820023,"status":"${status}","data":{"id":2820023,"staff_id":9,"client":{"phone":"+79990001122"}}}`;
const client =
  '{"company_id":"4564","resource":"client","resource_id":"66825","status":"update","data":{"id":66825,"phone":"79990001122"}}';

for (const name of ['YCLIENTS', 'Altegio'] as const) {
  test(`a record of ${name} is an appointment and a client a contact, also when they are delivered twice`, () => {
    const { crm, booking, guest } = of[name]();
    for (const [status, change] of [
      ['create', 'created'],
      ['create', 'created'],
      ['update', 'updated'],
      ['delete', 'deleted'],
    ] as const)
      expect(booking.webhooks?.read(request(record(status)))).toEqual([{ entity: 'appointment', id: '2820023', change }]);
    expect(crm.webhooks?.read(request(client))).toEqual([{ entity: 'contact', id: '66825', change: 'updated' }]);
    expect(booking.webhooks?.read(request(client))).toEqual([]);
    expect(crm.webhooks?.read(request(record('create')))).toEqual([]);
    for (const resource of ['finances_operation', 'constructor', 'goods_operations_sale'])
      expect(
        booking.webhooks?.read(request(`{"company_id":4564,"resource":"${resource}","resource_id":1,"status":"create","data":{}}`)),
      ).toEqual([]);
    // Without a user a record cannot be read by its number.
    expect(guest.webhooks).toBeUndefined();
  });

  test(`a delivery of another location of ${name} is refused`, () => {
    const { crm, booking } = of[name]();
    const refused = expect.objectContaining({ code: 'permission_denied', reason: 'bad_signature' });
    expect(() => booking.webhooks?.read(request(record('create').replace('4564', '4565')))).toThrow(refused);
    expect(() => crm.webhooks?.read(request(client.replace('4564', '45640')))).toThrow(refused);
  });

  test.each([
    ['nothing', ''],
    ['a page', '<html><body>It works!</body></html>'],
    ['a list', '[]'],
    ['no UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['without a location', '{"resource":"record","resource_id":1,"status":"create"}'],
    ['with an id that is a path', '{"company_id":4564,"resource":"record","resource_id":"1/../2","status":"create"}'],
  ])(`a body at ${name} that is %s is refused`, (_, body) => {
    expect(() => of[name]().booking.webhooks?.read(request(body))).toThrow(
      expect.objectContaining({ code: 'invalid_argument', reason: 'bad_body' }),
    );
  });
}

test('a client, which has no time of its last change, has another version after each change', async () => {
  const { crm } = of.YCLIENTS();
  const row = it.fake.location.addClient({ name: 'Anna', phone: '79990001122' });
  const read = () => crm.readRecord?.('contact', String(row.id), signal);
  const first = await read();
  expect(first).toEqual({ changedAt: null, status: null, version: expect.any(String) });
  expect(await read()).toEqual(first);
  Object.assign(row, { surname: 'Petrova' });
  expect((await read())?.version).not.toBe(first?.version);
  Object.assign(row, { deleted: true });
  expect(await read()).toBeNull();
  expect(await crm.readRecord?.('lead', String(row.id), signal)).toBeNull();
});

test('a record that is gone is no appointment', async () => {
  const { booking } = of.YCLIENTS();
  expect(await booking.getAppointment('2820023', signal)).toBeNull();
});
