/** Tests that every CRM adapter must pass; each adapter's test calls them with its own CRM. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { crm as contract } from '../../contracts/crm.ts';
import type { Effect, InputOf, Method, OutputOf } from '../../contracts/kit/define.ts';
import type { Crm } from './port.ts';

const methodOf = {
  createContact: contract.create_contact,
  createLead: contract.create_lead,
  createDeal: contract.create_deal,
  createTask: contract.create_task,
  addNote: contract.add_note,
  logCall: contract.log_call,
} as const;

export interface CrmUnderTest {
  readonly crm: Crm;
  /** Creates a contact as staff would, with phones spelt as given, and returns its id. */
  addContact(contact: { firstName: string; phones: readonly string[] }): Promise<string>;
  /** Advances the CRM's clock by more than its resolution, if it does not advance by itself. */
  later(): void;
  stop(): Promise<void>;
}

export function crmConformance(name: string, setup: () => Promise<CrmUnderTest>): void {
  describe(name, () => {
    let it: CrmUnderTest;
    let crm: Crm;
    beforeAll(async () => {
      it = await setup();
      crm = it.crm;
    });
    afterAll(() => it.stop());

    const { signal } = new AbortController();
    let made = 0;
    /** A phone that no other test has used. */
    const fresh = () => {
      made += 1;
      return {
        ref: `${name}-ref-${made}`,
        phoneNumber: `+7999000${String(made).padStart(4, '0')}`,
        firstName: `Name${'abcdefghij'[made % 10]}${made}`,
      };
    };
    /** Runs an effect as the journal would, and validates its output against the contract. */
    async function run<M extends Method>(method: M, effect: Effect<M>, input: InputOf<M>, ref: string): Promise<OutputOf<M>> {
      const output = await effect.attempt(method.input.parse(input) as never, { ref, signal });
      expect(method.output.parse(output)).toEqual(output);
      return output;
    }
    const contact = (phoneNumber: string, firstName: string, ref: string) =>
      run(contract.create_contact, crm.createContact, { firstName, phoneNumber }, ref);
    const lead = (contactId: string, phoneNumber: string, ref: string) =>
      run(contract.create_lead, crm.createLead, { contactId, firstName: `L${ref}`, phoneNumber, source: 'website' }, ref);
    async function contactWithLead() {
      const { ref, phoneNumber, firstName } = fresh();
      const { contactId } = await contact(phoneNumber, firstName, ref);
      const { leadId } = await lead(contactId, phoneNumber, ref);
      return { contactId, leadId, phoneNumber };
    }

    test('finds the contact that it created by its phone, and nobody by another phone', async () => {
      const { ref, phoneNumber } = fresh();
      const input = { firstName: 'Иван', lastName: `Иванов${made}`, phoneNumber, email: `ivan${made}@example.com` };
      const { contactId } = await run(contract.create_contact, crm.createContact, input, ref);
      const found = await crm.findContacts(phoneNumber, signal);
      expect(contract.find_contact.output.parse({ contacts: found }).contacts).toEqual([
        { contactId, firstName: 'Иван', lastName: input.lastName, phones: [phoneNumber], email: input.email, timeZone: null },
      ]);
      expect(await crm.findContacts(fresh().phoneNumber, signal)).toEqual([]);
    });

    test('finds a contact by its second number', async () => {
      const [first, second] = [fresh(), fresh()];
      const contactId = await it.addContact({ firstName: first.firstName, phones: [first.phoneNumber, second.phoneNumber] });
      const found = await crm.findContacts(second.phoneNumber, signal);
      expect(found.map((each) => [each.contactId, each.phones])).toEqual([[contactId, [first.phoneNumber, second.phoneNumber]]]);
    });

    test('does not take a phone for another one that ends in the same ten digits', async () => {
      const { phoneNumber, firstName } = fresh();
      await it.addContact({ firstName, phones: [phoneNumber.replace('+7', '+44')] });
      expect(await crm.findContacts(phoneNumber, signal)).toEqual([]);
    });

    test('makes two contacts of two people with one name', async () => {
      const [one, other] = [fresh(), fresh()];
      const input = { firstName: one.firstName, lastName: 'Иванова' };
      const ids: string[] = [];
      for (const { phoneNumber, ref } of [one, other]) {
        const output = await run(contract.create_contact, crm.createContact, { ...input, phoneNumber }, ref);
        expect(output.created).toBe(true);
        ids.push(output.contactId);
      }
      expect(new Set(ids).size).toBe(2);
      expect((await crm.findContacts(other.phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual([ids[1]]);
    });

    test.each(['dead', 'converted', 'new'] as const)('opens another lead of the same name beside one that is %s', async (status) => {
      const { ref, phoneNumber, firstName } = fresh();
      const { contactId } = await contact(phoneNumber, firstName, ref);
      const open = (at: string) => run(contract.create_lead, crm.createLead, { contactId, firstName, phoneNumber, source: 'website' }, at);
      const first = await open(`${ref}-1`);
      await crm.updateLeadStatus(first.leadId, status, signal);
      const second = await open(`${ref}-2`);
      expect(second.created).toBe(true);
      expect(second.leadId).not.toBe(first.leadId);
    });

    test('names the oldest of several contacts with one phone first', async () => {
      const { phoneNumber, firstName } = fresh();
      const ids: string[] = [];
      for (const nth of [1, 2, 3]) {
        ids.push(await it.addContact({ firstName: `${firstName}${nth}`, phones: [phoneNumber] }));
        it.later();
      }
      expect((await crm.findContacts(phoneNumber, signal)).map(({ contactId }) => contactId)).toEqual(ids);
    });

    test('finds the youngest open lead of a contact, and none from before the given time', async () => {
      const { contactId, phoneNumber } = await contactWithLead();
      it.later();
      const { leadId } = await lead(contactId, phoneNumber, fresh().ref);
      const open = await crm.findOpenLead(contactId, new Date(0), signal);
      expect(contract.find_open_lead.output.parse({ lead: open }).lead).toMatchObject({ leadId });
      const createdAt = Date.parse(open?.createdAt ?? '');
      expect((await crm.findOpenLead(contactId, new Date(createdAt), signal))?.leadId).toBe(leadId);
      expect(await crm.findOpenLead(contactId, new Date(createdAt + 1000), signal)).toBeNull();
    });

    test('finds no open lead of a contact that has none, and of nobody', async () => {
      const { ref, phoneNumber, firstName } = fresh();
      await contactWithLead();
      const { contactId } = await contact(phoneNumber, firstName, ref);
      expect(await crm.findOpenLead(contactId, new Date(0), signal)).toBeNull();
      expect(await crm.findOpenLead('0123456789abcdef0', new Date(0), signal)).toBeNull();
    });

    test('lists leads newest first over pages, by a phone, a status and the beginning of a name in any case, if it lists them', async () => {
      if (crm.listLeads === undefined) return expect(crm.capabilities().methods.list_leads).toBe('unsupported');
      const { phoneNumber, ref } = fresh();
      const { contactId } = await contact(phoneNumber, 'Владелец', ref);
      const made: string[] = [];
      for (const [n, firstName] of ['Ёжик', 'Ежевика', 'Роман'].entries()) {
        // The last two may have one time.
        if (n < 2) it.later();
        const input = { contactId, firstName, lastName: `Лидов${made.length}`, phoneNumber, source: 'website' };
        made.unshift((await run(contract.create_lead, crm.createLead, input, `${ref}-${n}`)).leadId);
      }
      const pages = async (wanted: object, limit = 50) => {
        const seen: OutputOf<typeof contract.list_leads>['items'] = [];
        let cursor: string | null | undefined;
        do {
          const input = contract.list_leads.input.parse({ ...wanted, limit, ...(cursor ? { cursor } : {}) });
          const page = contract.list_leads.output.parse(await crm.listLeads?.(input, signal));
          seen.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== null);
        return seen;
      };
      const idsOf = (leads: readonly { readonly leadId: string }[]) => leads.map(({ leadId }) => leadId);
      for (const limit of [1, 2, 50]) {
        const ids = idsOf(await pages({ phoneNumber }, limit));
        expect([limit, ids.toSorted(), ids.at(-1)]).toEqual([limit, made.toSorted(), made.at(-1)]);
      }
      expect(idsOf((await pages({}, 2)).slice(0, 3)).toSorted()).toEqual(made.toSorted());
      expect(await pages({ phoneNumber: fresh().phoneNumber })).toEqual([]);
      await crm.updateLeadStatus(made[1] ?? '', 'dead', signal);
      expect(idsOf(await pages({ phoneNumber, status: 'dead' }))).toEqual([made[1]]);
      expect(await pages({ phoneNumber, q: 'роМ' })).toMatchObject([{ leadId: made[0], name: 'Роман Лидов2', phoneNumber, status: 'new' }]);
      expect(idsOf(await pages({ phoneNumber, q: 'Лидов0' }))).toEqual([made[2]]);
      await expect(pages({ cursor: 'of another list' })).rejects.toMatchObject({ code: 'invalid_argument' });
    });

    test('lists the deals of a contact newest first, and tasks about it, its lead and its deal, if it lists them', async () => {
      const { methods } = crm.capabilities();
      expect([crm.listDeals === undefined, crm.listTasks === undefined]).toEqual(
        [methods.list_deals, methods.list_tasks].map((support) => support === 'unsupported'),
      );
      if (crm.listDeals === undefined || crm.listTasks === undefined) return;
      const { contactId, leadId } = await contactWithLead();
      const other = await contactWithLead();
      const deal = (of: string, title: string) =>
        run(
          contract.create_deal,
          crm.createDeal,
          { contactId: of, title, amount: { amountMinor: 150_000, currency: 'RUB' }, closeAt: '2030-01-31T00:00:00.000Z' },
          fresh().ref,
        );
      const first = await deal(contactId, 'Первая');
      it.later();
      const second = await deal(contactId, 'Вторая');
      await deal(other.contactId, 'Чужая');
      const deals = contract.list_deals.output.parse({ items: await crm.listDeals(contactId, 10, signal), isMore: false }).items;
      const amount = { amountMinor: 150_000, currency: 'RUB' };
      expect(deals).toMatchObject([
        { dealId: second.dealId, contactId, title: 'Вторая', amount },
        { dealId: first.dealId, title: 'Первая' },
      ]);
      expect((await crm.listDeals(contactId, 1, signal)).map(({ dealId }) => dealId)).toEqual([second.dealId]);
      expect(await crm.listDeals((await contactWithLead()).contactId, 10, signal)).toEqual([]);

      const dueAt = '2030-02-01T09:00:00.000Z';
      const about = [
        { kind: 'contact', id: contactId },
        { kind: 'lead', id: leadId },
        { kind: 'deal', id: first.dealId },
      ] as const;
      const made: string[] = [];
      for (const each of [...about, { kind: 'contact', id: other.contactId } as const]) {
        const task = { about: each, subject: `Дело ${each.kind}`, dueAt, text: 'Подробно.' };
        made.push((await run(contract.create_task, crm.createTask, task, fresh().ref)).taskId);
        it.later();
      }
      const tasks = contract.list_tasks.output.parse({ items: await crm.listTasks(about, 10, signal), isMore: false }).items;
      expect(tasks.map(({ taskId, about: of, subject, dueAt: due }) => [taskId, of, subject, due])).toEqual(
        about.map((each, nth) => [made[nth], each, `Дело ${each.kind}`, dueAt]).toReversed(),
      );
      expect((await crm.listTasks(about, 2, signal)).map(({ taskId }) => taskId)).toEqual([made[2], made[1]]);
      expect(await crm.listTasks([{ kind: 'lead', id: other.leadId }], 10, signal)).toEqual([]);
    });

    test.each([
      ['new', true],
      ['in_process', true],
      ['converted', false],
      ['dead', false],
    ] as const)('a lead that was twice moved to %s is open: %s', async (status, isOpen) => {
      const { contactId, leadId } = await contactWithLead();
      await crm.updateLeadStatus(leadId, status, signal);
      await crm.updateLeadStatus(leadId, status, signal);
      const open = await crm.findOpenLead(contactId, new Date(0), signal);
      expect(open?.leadId).toBe(isOpen ? leadId : undefined);
    });

    test('says not_found when a lead is moved that is not there', async () => {
      const moved = crm.updateLeadStatus('0123456789abcdef0', 'dead', signal);
      await expect(moved).rejects.toMatchObject({ name: 'PolybError', code: 'not_found' });
    });

    test.each(['createContact', 'createLead', 'createDeal', 'createTask', 'addNote', 'logCall'] as const)(
      'what %s made is found by its reference, and by no other',
      async (effectName) => {
        const { contactId, leadId, phoneNumber } = await contactWithLead();
        const { ref, firstName, phoneNumber: another } = fresh();
        const inputs = {
          createContact: { firstName, phoneNumber: another },
          createLead: { contactId, firstName: `L${ref}`, phoneNumber, source: 'website' },
          createDeal: { contactId, title: 'Deal', amount: { amountMinor: 150_050, currency: 'RUB' }, closeAt: '2030-01-31T10:00:00.000Z' },
          createTask: {
            about: { kind: 'lead', id: leadId },
            subject: 'Call back',
            dueAt: '2030-01-31T10:00:00.000Z',
            text: 'After ten.',
          },
          addNote: { about: { kind: 'contact', id: contactId }, text: 'Asked\nfor a price.' },
          logCall: {
            leadId,
            contactId,
            callId: `call_${made}`,
            outcome: 'answered',
            phoneNumber,
            startedAt: '2030-01-31T10:00:00.000Z',
            durationMs: 61_500,
          },
        };
        const method = methodOf[effectName];
        const input = method.input.parse(inputs[effectName]);
        const effect = crm[effectName] as Effect;
        const { onUnknown } = effect;
        if (onUnknown.do !== 'look_up') throw new Error(`${effectName} cannot be looked up`);
        const attemptedAt = Date.now();
        const find = (ref: string) => onUnknown.find({ ref, input, attemptedAt }, signal);
        const attempt = () => run(method as Method, effect, input, ref);
        expect(await find(ref)).toBeNull();
        const output = await attempt();
        expect(await find(ref)).toEqual(output);
        for (const other of [`${ref}0`, ref.slice(0, ref.lastIndexOf('-')), ref.replaceAll('-', '_'), ref.replace('ref', '%')])
          expect(await find(other)).toBeNull();
        // 0 is a promise: the CRM itself refuses a second use of a reference.
        if (onUnknown.settleMs === 0) expect(await attempt()).toEqual(output);
      },
    );

    test('makes one record when one reference comes many times at once, unless it asks for time to settle', async () => {
      const { ref, phoneNumber, firstName } = fresh();
      const { onUnknown } = crm.createContact;
      if (onUnknown.do !== 'look_up' || onUnknown.settleMs > 0) return;
      await Promise.all(Array.from({ length: 8 }, () => contact(phoneNumber, firstName, ref)));
      expect(await crm.findContacts(phoneNumber, signal)).toHaveLength(1);
    });

    test.each(['contact', 'deal'] as const)('logs a call about a %s', async (kind) => {
      const { contactId, phoneNumber } = await contactWithLead();
      const deal = { contactId, title: 'Deal', amount: { amountMinor: 100, currency: 'RUB' }, closeAt: '2030-01-31T10:00:00.000Z' };
      const id = kind === 'contact' ? contactId : (await run(contract.create_deal, crm.createDeal, deal, fresh().ref)).dealId;
      const call = {
        about: { kind, id },
        callId: `call_${made}`,
        outcome: 'busy',
        phoneNumber,
        startedAt: '2030-01-31T10:00:00.000Z',
        durationMs: 0,
      } as const;
      const { ref } = fresh();
      const output = await run(contract.log_call, crm.logCall, call, ref);
      expect(output.crmCallId).not.toBe('');
    });

    test('adds a second phone and a first e-mail address to a contact, keeps what it has, and says when nothing changed', async () => {
      const [{ ref, phoneNumber, firstName }, { phoneNumber: second }, third] = [fresh(), fresh(), fresh()];
      const { contactId } = await contact(phoneNumber, firstName, ref);
      const add = (more: { readonly phoneNumber?: string; readonly email?: string }) =>
        run(contract.update_contact, crm.updateContact, { contactId, ...more }, fresh().ref);
      const email = `person${made}@example.com`;
      expect(await add({ phoneNumber: second, email })).toEqual({ contactId, changed: true });
      expect(await add({ phoneNumber: second, email })).toEqual({ contactId, changed: false });
      expect(await add({ phoneNumber })).toEqual({ contactId, changed: false });
      for (const phone of [phoneNumber, second])
        expect(await crm.findContacts(phone, signal)).toMatchObject([{ contactId, firstName, phones: [phoneNumber, second], email }]);
      expect(await crm.findContacts(third.phoneNumber, signal)).toEqual([]);
    });

    test('refuses to change a contact that is not there', async () => {
      const change = { contactId: '0123456789abcdef0', phoneNumber: fresh().phoneNumber };
      const changed = crm.updateContact.attempt(change, { ref: fresh().ref, signal });
      await expect(changed).rejects.toMatchObject({ code: 'failed_precondition', reason: 'crm_rejected' });
    });

    test('says of every method of a CRM whether it is offered', () => {
      const { methods } = contract.capabilities.output.parse(crm.capabilities());
      const own = ['capabilities', 'webhook'];
      const all = Object.values(contract).filter(({ kind, name }) => kind === 'method' && !own.includes(name));
      expect(Object.keys(methods).sort()).toEqual(all.map((method) => method.name).sort());
    });
  });
}
