import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { memoryCrm } from '../../adapters/crm/memory.ts';
import type { Crm } from '../../adapters/crm/port.ts';
import { postgresCrm } from '../../adapters/crm/postgres.ts';
import type { Handler, Service } from '../../bus/service.ts';
import { crm as contract } from '../../contracts/crm.ts';
import type { Effect, InputOf, Method, PayloadOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type World, world } from '../../test/kit/world.ts';
import { createContact, createLead } from './effects.ts';
import connector from './service.ts';

const hourMs = 3_600_000;
let it: World;
const instances: Awaited<ReturnType<World['start']>>[] = [];
beforeAll(async () => {
  it = await world();
});
afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.stop(2_000);
  for (const table of ['rows', 'events']) await it.store.query(`delete from journal.${table}`);
});
afterAll(() => it.stop());

/** The service over a CRM. */
function setup(crm: Crm, reuseHours = 24) {
  let ahead = 0;
  let isCrashing = false;
  const service: Service = {
    ...connector,
    async make(parts) {
      const running = await connector.make({
        ...parts,
        vendors: { crm: new Map([['main', crm]]), booking: new Map() },
        now: () => Date.now() + ahead,
      } as never);
      const handlers = running.crm as Readonly<Record<string, Handler>>;
      const push: Handler = (input, context) =>
        (handlers.push_to_crm as Handler)(input, {
          ...context,
          commit: (work) =>
            context.commit(async (tx) => {
              const made = await work(tx);
              if (isCrashing) throw new Error('crashed');
              return made;
            }),
        });
      return { ...running, crm: { ...handlers, push_to_crm: push } } as never;
    },
  };
  let started: { readonly hours: number; readonly instance: ReturnType<World['start']> } | undefined;
  /** One run of the handler. `crash`: the process dies before its commit. */
  async function run(
    input: InputOf<typeof contract.push_to_crm>,
    key: string,
    { crash = false, hours = reuseHours }: { readonly crash?: boolean; readonly hours?: number } = {},
  ) {
    if (started?.hours !== hours) {
      await (await started?.instance)?.stop(2_000);
      const instance = it.start('crm-connector', service, { CRM_LEAD_REUSE_HOURS: String(hours) });
      started = { hours, instance };
      instances.push(await instance);
    }
    await started.instance;
    isCrashing = crash;
    return it.bus.call(contract.push_to_crm, input, { key });
  }
  return {
    run,
    emitted: () =>
      it.store.query<{ event: string; payload: PayloadOf<typeof contract.lead_created> }>(
        'select event, payload from journal.events where event = $1 order by id',
        [contract.lead_created.address],
      ),
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

describe.each(['memory', 'postgres'] as const)('push_to_crm with the %s CRM', (kind) => {
  let crm: Crm;
  beforeAll(() => {
    crm = kind === 'memory' ? memoryCrm({ now: Date.now }) : postgresCrm({ db: it.store });
  });

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
    expect(await emitted()).toEqual([
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
    expect(await emitted()).toHaveLength(1);
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
    expect(await emitted()).toHaveLength(2);
  });

  test('opens another lead always when CRM_LEAD_REUSE_HOURS is 0, and when the old one is closed', async () => {
    const person = somebody();
    const { run } = setup(crm, 0);
    const leadIds = [(await run(person, 'form-1')).leadId, (await run(person, 'form-2')).leadId];
    for (const leadId of leadIds) await crm.updateLeadStatus(leadId, 'dead', signal);
    leadIds.push((await run(person, 'form-3', { hours: 24 })).leadId);
    expect(new Set(leadIds).size).toBe(3);
  });

  test('tells of a created lead once when it runs again after a crash before its commit', async () => {
    const person = somebody();
    const { run, emitted } = setup(crm);
    await expect(run(person, 'form-1', { crash: true })).rejects.toMatchObject({ code: 'internal' });
    expect(await emitted()).toEqual([]);
    const pushed = await run(person, 'form-1');
    expect(pushed.created).toBe(true);
    expect((await emitted()).map(({ payload }) => payload)).toEqual([
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
    await expect(run(person, 'form-1', { crash: true })).rejects.toMatchObject({ code: 'internal' });
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
    expect(await emitted()).toHaveLength(1);
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
