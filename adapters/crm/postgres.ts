/** The built-in CRM: tables of crm-connector (`services/crm-connector/migrations`). Used when no other CRM is configured. */
import { badCursor } from '../../contracts/common.ts';
import { lookUp } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { Database } from '../deps.ts';
import { type About, type Contact, type Crm, everything, type LeadStatus, subjectOf } from './port.ts';

type Kind = 'contact' | 'lead' | 'deal' | 'task' | 'note' | 'call';
interface ContactRow {
  readonly contact_id: string;
  readonly first_name: string | null;
  readonly last_name: string | null;
  readonly email: string | null;
  readonly time_zone: string | null;
  readonly phones: string[];
}
interface LeadRow {
  readonly lead_id: string;
  readonly created_by: string;
  readonly created_at: Date;
}

interface ListedLead {
  readonly lead_id: string;
  readonly contact_id: string;
  readonly first_name: string;
  readonly last_name: string | null;
  readonly phone: string;
  readonly source: string;
  readonly comment: string | null;
  readonly status: LeadStatus;
  readonly created_at: Date;
  readonly created_us: string;
}
interface ListedDeal {
  readonly dealId: string;
  readonly contactId: string;
  readonly title: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly stage: string | null;
  readonly closeAt: Date;
  readonly createdAt: Date;
}
interface ListedTask {
  readonly taskId: string;
  readonly kind: About['kind'];
  readonly id: string;
  readonly subject: string;
  readonly dueAt: Date | null;
  readonly createdAt: Date;
}
/** SQL for a name as it is compared; the indexes have the same expression. */
const folded = (name: string): string => `translate(lower(${name}), 'ё', 'е')`;
/** The time in microseconds and the id of the last lead of a page. */
function placeOf(cursor: string): readonly string[] {
  const [, us, id] = /^(\d{1,17})\.([\w-]{1,64})$/.exec(cursor) ?? [];
  if (us === undefined || id === undefined) throw badCursor();
  return [us, id];
}

/** True when the object `$kind`, `$id` exists. */
const isThere = (kind: string, id: string) => `(case ${kind}::text
   when 'lead' then exists (select from crm_connector.leads where lead_id = ${id})
   when 'deal' then exists (select from crm_connector.deals where deal_id = ${id})
   else exists (select from crm_connector.contacts where contact_id = ${id}) end)`;

/** Each inserts a record if its `ref` ($1) is new and its subject exists, and returns the same row as `find`. */
const insert = {
  contact: `with made as (
      insert into crm_connector.contacts (ref, first_name, last_name, email) values ($1, $2, $3, $4)
      on conflict (ref) do nothing returning contact_id)
    insert into crm_connector.contact_phones (contact_id, phone) select contact_id, $5 from made returning contact_id as id`,
  lead: `insert into crm_connector.leads (ref, contact_id, first_name, last_name, phone, source, comment)
    select $1, $2, $3, $4, $5, $6, $7 where ${isThere("'contact'", '$2')}
    on conflict (ref) do nothing returning lead_id as id, created_by`,
  deal: `insert into crm_connector.deals (ref, contact_id, title, amount_minor, currency, close_at, stage)
    select $1, $2, $3, $4::bigint, $5, $6::timestamptz, $7 where ${isThere("'contact'", '$2')}
    on conflict (ref) do nothing returning deal_id as id`,
  task: `insert into crm_connector.tasks (ref, about_kind, about_id, subject, due_at, text)
    select $1, $2, $3, $4, $5::timestamptz, $6 where ${isThere('$2', '$3')}
    on conflict (ref) do nothing returning task_id as id`,
  note: `insert into crm_connector.notes (ref, about_kind, about_id, text)
    select $1, $2, $3, $4 where ${isThere('$2', '$3')}
    on conflict (ref) do nothing returning note_id as id`,
  call: `insert into crm_connector.calls (ref, about_kind, about_id, contact_id, call_id, direction, outcome, phone, started_at, duration_ms)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9::timestamptz, $10::integer
    where ${isThere('$2', '$3')} and ($4::text is null or ${isThere("'contact'", '$4')})
    on conflict (ref) do nothing returning crm_call_id as id`,
} as const satisfies Record<Kind, string>;
const find = {
  contact: 'select contact_id as id from crm_connector.contacts where ref = $1',
  lead: 'select lead_id as id, created_by from crm_connector.leads where ref = $1',
  deal: 'select deal_id as id from crm_connector.deals where ref = $1',
  task: 'select task_id as id from crm_connector.tasks where ref = $1',
  note: 'select note_id as id from crm_connector.notes where ref = $1',
  call: 'select crm_call_id as id from crm_connector.calls where ref = $1',
} as const satisfies Record<Kind, string>;
/** A row of `insert` and `find`. */
interface RecordRow {
  readonly id: string;
  readonly created_by?: string;
}

export function postgresCrm({ db }: { readonly db: Database }): Crm {
  /** An effect that creates one record per reference, however often it is attempted. */
  const once = <I, O>(kind: Kind, valuesOf: (input: I) => readonly unknown[], outputOf: (made: RecordRow) => O) => {
    const findMade = async (ref: string): Promise<RecordRow | undefined> => (await db.query<RecordRow>(find[kind], [ref]))[0];
    return {
      async attempt(input: I, { ref }: { readonly ref: string }): Promise<O> {
        const [inserted] = await db.query<RecordRow>(insert[kind], [ref, ...valuesOf(input)]);
        const made = inserted ?? (await findMade(ref));
        if (made !== undefined) return outputOf(made);
        throw new PolybError('failed_precondition', `The CRM does not have the contact, lead or deal of this ${kind}; create it first.`, {
          reason: 'crm_rejected',
        });
      },
      onUnknown: lookUp<O>(0, async ({ ref }) => {
        const made = await findMade(ref);
        return made === undefined ? null : outputOf(made);
      }),
    };
  };
  const createdBy = ({ created_by }: RecordRow): string | null => created_by ?? null;

  return {
    capabilities: () => ({ crm: 'postgres', methods: everything }),
    async findContacts(phoneNumber) {
      const rows = await db.query<ContactRow>(
        `select c.*, array(select p.phone from crm_connector.contact_phones p where p.contact_id = c.contact_id order by p.nth, p.phone limit 20) as phones
         from crm_connector.contacts c join crm_connector.contact_phones of_phone using (contact_id)
         where of_phone.phone = $1 order by c.created_at, c.contact_id limit 50`,
        [phoneNumber],
      );
      return rows.map(
        (row): Contact => ({
          contactId: row.contact_id,
          firstName: row.first_name,
          lastName: row.last_name,
          phones: row.phones,
          email: row.email,
          timeZone: row.time_zone,
        }),
      );
    },
    async findOpenLead(contactId, since) {
      const [lead] = await db.query<LeadRow>(
        `select lead_id, created_by, created_at from crm_connector.leads
         where contact_id = $1 and status in ('new', 'in_process') and created_at >= $2 order by created_at desc, lead_id limit 1`,
        [contactId, since],
      );
      return lead === undefined ? null : { leadId: lead.lead_id, createdById: lead.created_by, createdAt: lead.created_at.toISOString() };
    },
    async listLeads({ phoneNumber, q, status, limit, cursor }) {
      const values: unknown[] = [];
      const value = (given: unknown): string => `$${values.push(given)}`;
      const when = <T>(given: T | undefined, condition: (value: string) => string) =>
        given === undefined ? [] : [condition(value(given))];
      const conditions = [
        ...when(
          phoneNumber,
          (phone) => `(phone = ${phone} or contact_id in (select contact_id from crm_connector.contact_phones where phone = ${phone}))`,
        ),
        ...when(status, (wanted) => `status = ${wanted}`),
        ...when(
          q === undefined ? undefined : `${q.replace(/[\\%_]/g, '\\$&')}%`,
          (like) => `(${folded('first_name')} like ${folded(`${like}::text`)} or ${folded('last_name')} like ${folded(`${like}::text`)})`,
        ),
        ...when(
          cursor === undefined ? undefined : placeOf(cursor),
          (place) =>
            `(created_at, lead_id) < (timestamptz 'epoch' + (${place}::text[])[1]::bigint * interval '1 microsecond', (${place}::text[])[2])`,
        ),
      ];
      const rows = await db.query<ListedLead>(
        `select lead_id, contact_id, first_name, last_name, phone, source, comment, status, created_at,
           (extract(epoch from created_at) * 1000000)::bigint::text as created_us
         from crm_connector.leads ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
         order by created_at desc, lead_id desc limit ${value(limit + 1)}`,
        values,
      );
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map((row) => ({
          leadId: row.lead_id,
          contactId: row.contact_id,
          name: [row.first_name, row.last_name].filter(Boolean).join(' '),
          phoneNumber: row.phone,
          status: row.status,
          statusName: null,
          source: row.source,
          comment: row.comment,
          createdAt: row.created_at.toISOString(),
        })),
        nextCursor: rows.length > limit && last !== undefined ? `${last.created_us}.${last.lead_id}` : null,
      };
    },
    async listDeals(contactId, limit) {
      const rows = await db.query<ListedDeal>(
        `select deal_id as "dealId", contact_id as "contactId", title, amount_minor::float8 as "amountMinor", currency, stage, close_at as "closeAt", created_at as "createdAt"
         from crm_connector.deals where contact_id = $1 order by created_at desc, deal_id desc limit $2`,
        [contactId, limit],
      );
      return rows.map(({ amountMinor, currency, closeAt, createdAt, ...deal }) => ({
        ...deal,
        amount: { amountMinor, currency },
        isOpen: null,
        closeAt: closeAt.toISOString(),
        createdAt: createdAt.toISOString(),
      }));
    },
    async listTasks(about, limit) {
      const rows = await db.query<ListedTask>(
        `select task_id as "taskId", about_kind as kind, about_id as id, subject, due_at as "dueAt", created_at as "createdAt"
         from crm_connector.tasks where (about_kind, about_id) in (select * from unnest($1::text[], $2::text[]))
         order by created_at desc, task_id desc limit $3`,
        [about.map(({ kind }) => kind), about.map(({ id }) => id), limit],
      );
      return rows.map(({ kind, id, dueAt, createdAt, ...task }) => ({
        ...task,
        about: { kind, id },
        dueAt: dueAt?.toISOString() ?? null,
        isDone: null,
        createdAt: createdAt.toISOString(),
      }));
    },
    async updateLeadStatus(leadId, status) {
      const [moved] = await db.query('update crm_connector.leads set status = $2, updated_at = now() where lead_id = $1 returning 1', [
        leadId,
        status,
      ]);
      if (moved === undefined) throw new PolybError('not_found', `The CRM has no lead ${leadId}.`);
    },
    createContact: once(
      'contact',
      ({ firstName, lastName, email, phoneNumber }) => [firstName, lastName, email, phoneNumber],
      ({ id }) => ({ contactId: id, created: true }),
    ),
    createLead: once(
      'lead',
      ({ contactId, firstName, lastName, phoneNumber, source, comment }) => [contactId, firstName, lastName, phoneNumber, source, comment],
      (made) => ({ leadId: made.id, createdById: createdBy(made), created: true }),
    ),
    createDeal: once(
      'deal',
      ({ contactId, title, amount, closeAt, stage }) => [contactId, title, amount.amountMinor, amount.currency, closeAt, stage],
      ({ id }) => ({ dealId: id }),
    ),
    createTask: once(
      'task',
      ({ about, subject, dueAt, text }) => [about.kind, about.id, subject, dueAt, text],
      ({ id }) => ({ taskId: id }),
    ),
    addNote: once(
      'note',
      ({ about, text }) => [about.kind, about.id, text],
      ({ id }) => ({ noteId: id }),
    ),
    logCall: once(
      'call',
      ({ about, leadId, contactId, callId, direction, outcome, phoneNumber, startedAt, durationMs }) => [
        subjectOf({ about, leadId }).kind,
        subjectOf({ about, leadId }).id,
        contactId,
        callId,
        direction,
        outcome,
        phoneNumber,
        startedAt,
        durationMs,
      ],
      ({ id }) => ({ crmCallId: id }),
    ),
    updateContact: {
      async attempt({ contactId, phoneNumber, email }) {
        const [found] = await db.query<{ readonly changed: boolean }>(
          `with contact as (select contact_id, email from crm_connector.contacts where contact_id = $1 for update),
             phone as (insert into crm_connector.contact_phones (contact_id, phone, nth)
               select contact_id, $2, (select count(*) from crm_connector.contact_phones p where p.contact_id = $1) from contact where $2::text is not null
               on conflict do nothing returning 1),
             mail as (update crm_connector.contacts set email = $3 where contact_id = $1 and email is null and $3::text is not null returning 1)
           select exists (select from phone) or exists (select from mail) as changed from contact`,
          [contactId, phoneNumber, email],
        );
        if (found !== undefined) return { contactId, changed: found.changed };
        throw new PolybError('failed_precondition', `The CRM has no contact ${contactId}; create it first.`, { reason: 'crm_rejected' });
      },
      // A second attempt finds what the first one added.
      onUnknown: lookUp(0, async () => null),
    },
  };
}
