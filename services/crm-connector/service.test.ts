import { expect, test } from '@jest/globals';
import { memoryBooking } from '../../adapters/booking/memory.ts';
import { memoryCrm } from '../../adapters/crm/memory.ts';
import type { Context, Handler, Parts } from '../../bus/service.ts';
import { createHealth } from '../../bus/telemetry/dependencies.ts';
import { crm } from '../../contracts/crm.ts';
import { type Effect, isEffect, type Method } from '../../contracts/kit/define.ts';
import service from './service.ts';

test('serves every method of the contract from the CRM that was picked', async () => {
  const picked = memoryCrm({ now: Date.now });
  const vendors = { crm: new Map([['main', picked]]), booking: new Map([['main', memoryBooking({ now: Date.now })]]) };
  const bus = { health: createHealth(Date.now) };
  const parts = { settings: service.settings.parse({}), vendors, bus, db: { query: async () => [] }, now: Date.now };
  const { crm: handlers } = (await service.make(parts as unknown as Parts<never, never>)) as unknown as {
    crm: Record<string, Handler | Effect>;
  };
  const { signal } = new AbortController();
  const ask = async <M extends Method>(method: M, input: unknown): Promise<unknown> => {
    const handler = handlers[method.name];
    if (handler === undefined) throw new Error(`${method.name} is not served`);
    const parsed = method.input.parse(input);
    return method.output.parse(
      isEffect(handler) ? await handler.attempt(parsed, { ref: method.name, signal }) : await handler(parsed, { signal } as Context),
    );
  };
  const methods = Object.values(crm).filter(({ kind }) => kind === 'method');
  expect(Object.keys(handlers).sort()).toEqual(methods.map(({ name }) => name).sort());

  const phoneNumber = '+79995553322';
  const about = {
    kind: 'contact',
    id: picked.addContact({ firstName: 'Иван', lastName: null, phones: [phoneNumber], email: null, timeZone: null }),
  };
  const contactId = about.id;
  expect(await ask(crm.find_contact, { phoneNumber })).toMatchObject({ contacts: [{ contactId }] });
  expect(await ask(crm.create_contact, { firstName: 'Иван', phoneNumber })).toEqual({ contactId, created: false, timeZone: null });
  const { leadId } = (await ask(crm.create_lead, { contactId, firstName: 'Иван', phoneNumber })) as { leadId: string };
  const since = new Date(0).toISOString();
  expect(await ask(crm.find_open_lead, { contactId, since })).toMatchObject({ lead: { leadId } });
  expect(await ask(crm.update_lead_status, { leadId, status: 'dead' })).toEqual({ leadId, status: 'dead' });
  expect(await ask(crm.find_open_lead, { contactId, since })).toEqual({ lead: null });
  expect(await ask(crm.add_note, { about, text: 'Asked for a price.' })).toMatchObject({ noteId: expect.any(String) });
  expect(await ask(crm.capabilities, {})).toMatchObject({ crm: 'memory' });
});

test('the built-in CRM serves when no vendor is named', () => {
  const { crm: vendors } = service.vendors;
  expect(vendors?.setting).toBe('CRM_KIND');
  expect(vendors?.catalogue[vendors.fallback]?.settings.parse({})).toEqual({});
  expect(Object.keys(vendors?.catalogue ?? {})).toEqual(expect.arrayContaining(['postgres', 'memory', 'espocrm']));
});
