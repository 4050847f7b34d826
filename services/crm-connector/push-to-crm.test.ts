import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { memoryCrm } from '../../adapters/crm/memory.ts';
import type { Crm } from '../../adapters/crm/port.ts';
import { postgresCrm } from '../../adapters/crm/postgres.ts';
import type { Context, Tx } from '../../bus/service.ts';
import { checkKey } from '../../bus/wire/key.ts';
import { crm as contract } from '../../contracts/crm.ts';
import type { Effect, InputOf, Method, OutputOf, PayloadOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { testStore } from '../../test/kit/store.ts';
import { createContact, createLead } from './effects.ts';
import { pushToCrm } from './push-to-crm.ts';

const hourMs = 3_600_000;

/** The handlers of the service over a CRM, with rows per (method, key) as in the journal. */
function setup(crm: Crm, reuseHours = 24) {
  let ahead = 0;
  const effects: Readonly<Record<string, Effect>> = {
    'crm.create_contact': createContact(crm) as Effect,
    'crm.create_lead': createLead(crm, () => Date.now() + ahead) as Effect,
  };
  const rows = new Map<string, { readonly input: string; readonly output: Promise<unknown> }>();
  const lanes = new Map<string, Promise<unknown>>();
  const emitted: { readonly event: string; readonly payload: unknown }[] = [];

  const call = async (method: Method, input: unknown, { key }: { readonly key: string }): Promise<unknown> => {
    checkKey(method.address, key);
    const parsed = method.input.parse(input) as Record<string, unknown>;
    const identity = JSON.stringify(
      Object.entries(parsed).filter(([name, value]) => value !== undefined && !method.unhashed.includes(name)),
    );
    const row = rows.get(`${method.address} ${key}`);
    if (row !== undefined && row.input !== identity) throw new PolybError('conflict', 'another input', { reason: 'key_reused' });
    if (row !== undefined) return row.output;
    const lane = method.lane === undefined ? randomUUID() : `${method.address}:${parsed[method.lane]}`;
    const attempt = () => effects[method.address]?.attempt(parsed, { ref: randomUUID(), signal: new AbortController().signal });
    const output = (lanes.get(lane) ?? Promise.resolve()).then(attempt);
    lanes.set(lane, output);
    rows.set(`${method.address} ${key}`, { input: identity, output });
    return output;
  };
  /** One run of the handler. `crash`: the process dies before its commit. */
  async function run(
    input: InputOf<typeof contract.push_to_crm>,
    key: string,
    { crash = false, hours = reuseHours }: { readonly crash?: boolean; readonly hours?: number } = {},
  ): Promise<OutputOf<typeof contract.push_to_crm>> {
    const commit = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
      const pending: (typeof emitted)[number][] = [];
      const tx = { emit: (event: { address: string }, payload: unknown) => void pending.push({ event: event.address, payload }) };
      const result = await work(tx as unknown as Tx);
      if (crash) throw new Error('crashed');
      emitted.push(...pending);
      return result;
    };
    const context = { call, key, commit, signal: new AbortController().signal } as unknown as Context;
    const output = await pushToCrm({ reuseHours: hours })(contract.push_to_crm.input.parse(input), context);
    return contract.push_to_crm.output.parse(output);
  }
  return {
    run,
    emitted,
    later: (ms: number) => {
      ahead += ms;
    },
  };
}

let count = 0;
/** A contact that no other test uses. */
function somebody() {
  count += 1;
  return { firstName: 'Иван', lastName: 'Иванов', phoneNumber: `+7999555${String(count).padStart(4, '0')}` };
}
const { signal } = new AbortController();
const idOf = async (crm: Crm, { phoneNumber }: { readonly phoneNumber: string }) =>
  (await crm.findContacts(phoneNumber, signal)).map(({ contactId }) => contactId);

const crms = {
  memory: async () => ({ crm: memoryCrm({ now: Date.now }), close: async () => {} }),
  postgres: async () => {
    const { db, close } = await testStore('crm-connector', '0001_crm.sql');
    return { crm: postgresCrm({ db }), close };
  },
} satisfies Record<string, () => Promise<{ crm: Crm; close(): Promise<void> }>>;

describe.each(Object.entries(crms))('push_to_crm with the %s CRM', (_, open) => {
  let crm: Crm;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ crm, close } = await open());
  });
  afterAll(() => close());

  test('answers the shape that older integrations read, and the same facts flat beside it', async () => {
    const person = somebody();
    const { run, emitted } = setup(crm);
    const pushed = await run({ ...person, phoneNumber: `8${person.phoneNumber.slice(2)}` }, 'form-1');
    const { leadId, contactId } = pushed;
    expect(pushed).toEqual({
      status: 'pushed',
      crm_id: { status: 'success', resData: { id: leadId, phoneNumber: person.phoneNumber.slice(1), createdById: 'polyb' } },
      leadId,
      contactId,
      phoneNumber: person.phoneNumber,
      createdById: 'polyb',
      timeZone: null,
      created: true,
    });
    expect(emitted).toEqual([
      {
        event: 'crm.lead_created',
        payload: { leadId, contactId, phoneNumber: person.phoneNumber, source: 'website' } satisfies PayloadOf<
          typeof contract.lead_created
        >,
      },
    ]);
    expect(await idOf(crm, person)).toEqual([contactId]);
  });

  test('takes a key of 255 characters, whatever their script', async () => {
    const { run } = setup(crm);
    for (const key of ['k'.repeat(255), 'ключ '.repeat(51)]) expect(await run(somebody(), key)).toMatchObject({ status: 'pushed' });
  });

  test('takes the contact that has the phone, and its open lead, under another key', async () => {
    const person = somebody();
    const { run, emitted } = setup(crm);
    const first = await run(person, 'form-1');
    const second = await run({ ...person, firstName: 'Пётр' }, 'form-2');
    expect(second).toEqual({ ...first, created: false });
    expect(emitted).toHaveLength(1);
  });

  test('says where a contact is when the CRM knows, and nothing when what it knows is no zone', async () => {
    const [far, lost] = [somebody(), somebody()];
    const zones = new Map([
      [far.phoneNumber, 'Asia/Vladivostok'],
      [lost.phoneNumber, 'by the sea'],
    ]);
    const findContacts: Crm['findContacts'] = async (phone, on) =>
      (await crm.findContacts(phone, on)).map((contact) => ({ ...contact, timeZone: zones.get(phone) ?? null }));
    const { run } = setup({ ...crm, findContacts });
    for (const person of [far, lost]) await crm.createContact.attempt(person, { ref: randomUUID(), signal });
    expect((await run(far, 'form-1')).timeZone).toBe('Asia/Vladivostok');
    expect((await run(lost, 'form-2')).timeZone).toBeNull();
  });

  test('opens another lead when the open one is older than CRM_LEAD_REUSE_HOURS, and takes it a minute before', async () => {
    const person = somebody();
    const { run, later, emitted } = setup(crm);
    const first = await run(person, 'form-1');
    later(24 * hourMs - 60_000);
    expect((await run(person, 'form-2')).leadId).toBe(first.leadId);
    later(2 * 60_000);
    const third = await run(person, 'form-3');
    expect(third).toMatchObject({ contactId: first.contactId, created: true });
    expect(third.leadId).not.toBe(first.leadId);
    expect(emitted).toHaveLength(2);
  });

  test('opens another lead always when CRM_LEAD_REUSE_HOURS is 0, and when the old one is closed', async () => {
    const person = somebody();
    const { run } = setup(crm, 0);
    const leadIds = [(await run(person, 'form-1')).leadId, (await run(person, 'form-2')).leadId];
    for (const leadId of leadIds) await crm.updateLeadStatus(leadId, 'dead', signal);
    leadIds.push((await setup(crm).run(person, 'form-3')).leadId);
    expect(new Set(leadIds).size).toBe(3);
  });

  test('tells of a created lead once when it runs again after a crash before its commit', async () => {
    const person = somebody();
    const { run, emitted } = setup(crm);
    await expect(run(person, 'form-1', { crash: true })).rejects.toThrow('crashed');
    expect(emitted).toEqual([]);
    const pushed = await run(person, 'form-1');
    expect(pushed.created).toBe(true);
    expect(emitted.map(({ payload }) => payload)).toEqual([
      { leadId: pushed.leadId, contactId: pushed.contactId, phoneNumber: person.phoneNumber, source: 'website' },
    ]);
    expect(await idOf(crm, person)).toEqual([pushed.contactId]);
  });

  test('keeps to its contact and lead when it runs again after staff moved the phone and a deploy changed CRM_LEAD_REUSE_HOURS', async () => {
    const person = somebody();
    let isMoved = false;
    const findContacts: Crm['findContacts'] = async (phone, on) => {
      const found = await crm.findContacts(phone, on);
      return isMoved ? found.toReversed() : found;
    };
    const { run } = setup({ ...crm, findContacts });
    await expect(run(person, 'form-1', { crash: true })).rejects.toThrow('crashed');
    const [contactId] = await idOf(crm, person);
    await crm.createContact.attempt({ ...person, firstName: 'Пётр' }, { ref: randomUUID(), signal });
    isMoved = true;
    expect((await run(person, 'form-2')).contactId).not.toBe(contactId);
    expect(await run(person, 'form-1', { hours: 1 })).toMatchObject({ contactId, created: true });
  });

  test('makes one contact and one lead when forms of one person arrive at once and the CRM is slow', async () => {
    const person = somebody();
    const slow = <M extends Method>(effect: Effect<M>): Effect<M> => ({
      ...effect,
      attempt: async (input, at) => {
        await delay(20);
        return effect.attempt(input, at);
      },
    });
    const { run, emitted } = setup({ ...crm, createContact: slow(crm.createContact), createLead: slow(crm.createLead) });
    const pushed = await Promise.all(['a', 'b', 'c', 'd'].map((key) => run(person, key)));
    expect(new Set(pushed.map(({ leadId }) => leadId)).size).toBe(1);
    expect(await idOf(crm, person)).toHaveLength(1);
    expect(emitted).toHaveLength(1);
  });
});

test.each(['create_contact', 'create_lead'] as const)(
  'a search that fails before %s has done nothing, and nothing is created',
  async (name) => {
    const down = async (): Promise<never> => {
      throw new PolybError('upstream_failed', 'EspoCRM failed with HTTP status 502.', { reason: 'upstream_status' });
    };
    const memory = memoryCrm({ now: Date.now });
    let attempts = 0;
    const counted = async () => {
      attempts += 1;
      return { contactId: 'c', leadId: 'l', createdById: null, created: true };
    };
    const crm: Crm = {
      ...memory,
      findContacts: down,
      findOpenLead: down,
      createContact: { ...memory.createContact, attempt: counted },
      createLead: { ...memory.createLead, attempt: counted },
    };
    const effect = (name === 'create_contact' ? createContact(crm) : createLead(crm, Date.now)) as Effect;
    const input = { firstName: 'Иван', phoneNumber: '+79995553322', contactId: 'c', source: 'website', reuseHours: 24 };
    await expect(effect.attempt(input, { ref: 'r', signal })).rejects.toMatchObject({
      code: 'upstream_failed',
      reason: 'upstream_status',
      outcome: 'not_executed',
    });
    expect(attempts).toBe(0);
  },
);
