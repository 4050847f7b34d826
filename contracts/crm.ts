/** Contacts, leads and related records, in any CRM. */
import { z } from 'zod';
import {
  Connection,
  Email,
  Id,
  Line,
  Money,
  PageInput,
  PersonName,
  PersonText,
  Phone,
  pageOf,
  RawRequest,
  Timestamp,
  TimeZone,
  Viewer,
} from './common.ts';
import { contract, event, method } from './kit/define.ts';

const CrmId = Id.describe('An opaque id of the CRM.');
const Source = z.string().trim().min(1).max(50).describe('Where the customer came from: website, phone_call, messenger, …');
/** How an adapter supports a method: natively, composed of other methods, or not at all. */
export const Support = z.enum(['native', 'emulated', 'unsupported']);
/** Methods of a contract by name, and how an adapter supports each. */
export const SupportedMethods = z
  .record(z.string().max(64), Support)
  .refine((methods) => Object.keys(methods).length <= 64)
  .meta({ maxProperties: 64 });

export const PushToCrm = z.strictObject({
  connection: Connection.optional(),
  firstName: PersonName.describe('Given name.'),
  lastName: PersonName.optional().describe('Family name.'),
  phoneNumber: Phone.describe('E.164; separators and a leading 8 are accepted.'),
  email: Email.optional(),
  source: Source.default('website'),
  comment: PersonText.optional().describe('What the customer asked for.'),
});
/** The reply shape of former integrations, with the same facts as flat fields. */
export const PushedToCrm = z.object({
  status: z.literal('pushed'),
  crm_id: z.object({
    status: z.literal('success'),
    resData: z.object({
      id: CrmId,
      phoneNumber: z.string().max(20).meta({ pii: 'phone' }).describe('Digits without +.'),
      createdById: CrmId.nullable(),
    }),
  }),
  leadId: CrmId,
  contactId: CrmId,
  phoneNumber: Phone,
  createdById: CrmId.nullable(),
  timeZone: TimeZone.nullish().describe('Time zone of the contact, if the CRM knows it.'),
  created: z.boolean().describe('False when an open lead of this contact was reused.'),
});

export const Contact = z.object({
  contactId: CrmId,
  firstName: PersonName.nullable(),
  lastName: PersonName.nullable(),
  phones: z.array(Phone).max(20),
  email: Email.nullable(),
  timeZone: z.string().max(64).nullable(),
  isMasked: z.boolean().optional().describe('The CRM hides phones and e-mail addresses from this connection.'),
});
export const LeadStatus = z.enum(['new', 'in_process', 'converted', 'dead']);
export const Lead = z.object({
  leadId: CrmId,
  contactId: CrmId.nullable().describe('Null where the CRM does not link a lead to a contact.'),
  name: z.string().max(300).meta({ pii: 'name' }),
  phoneNumber: z.string().max(32).nullable().meta({ pii: 'phone' }),
  status: LeadStatus.nullable().describe('Null for a status of the CRM that is not mapped.'),
  statusName: z.string().max(64).nullable().describe('The status as the CRM names it.'),
  source: z.string().max(100).nullable(),
  comment: PersonText.nullable(),
  createdAt: Timestamp,
});
export const Deal = z.object({
  dealId: CrmId,
  contactId: CrmId,
  title: z.string().max(300).meta({ pii: 'text' }),
  amount: Money.nullable(),
  stage: z.string().max(64).nullable().describe('As the CRM names it.'),
  isOpen: z.boolean().nullable().describe('Null where the CRM does not say it.'),
  closeAt: Timestamp.nullable(),
  createdAt: Timestamp,
});
export const CallOutcome = z.enum(['answered', 'busy', 'no_answer', 'rejected', 'cancelled', 'failed', 'unknown']);
/** What a record is about. */
export const About = z.strictObject({ kind: z.enum(['lead', 'contact', 'deal']), id: CrmId });
export const Task = z.object({
  taskId: CrmId,
  about: About.describe('The contact, or a lead or a deal of it.'),
  subject: z.string().max(300).meta({ pii: 'text' }),
  dueAt: Timestamp.nullable(),
  isDone: z.boolean().nullable().describe('Null where the CRM does not say it.'),
  createdAt: Timestamp.nullable(),
});
const connection = Connection.optional();
/** Records of the contacts with one phone; a customer has few. */
const OfPhone = z.strictObject({ connection, phoneNumber: Phone, limit: z.int().min(1).max(100).default(20) });
const isMore = z.boolean().describe('The CRM has more than `limit`.');
/** Reasons of every method that sends a request to the CRM. */
const upstream = {
  upstream_credentials: 'failed_precondition',
  reauthorise: 'failed_precondition',
  unsupported: 'unimplemented',
  rate_limited: 'resource_exhausted',
  blocked: 'unavailable',
  no_connection: 'failed_precondition',
} as const;
const refused = {
  ...upstream,
  crm_rejected: {
    code: 'failed_precondition',
    data: z
      .object({ field: z.string().max(100), rule: z.string().max(100).optional() })
      .optional()
      .describe('The field that the CRM refused, and the rule that it violates, if the CRM names them.'),
  },
  duplicate: {
    code: 'conflict',
    data: z
      .object({ existing: z.array(CrmId).max(50) })
      .optional()
      .describe('The records with which the new one clashes.'),
  },
  version_conflict: 'conflict',
} as const;
/** Somebody changed a record in the CRM; read it again for its fields. What this system changes itself is not reported. */
const RecordChange = z.object({
  connection: Connection,
  id: CrmId,
  change: z.enum(['created', 'updated', 'deleted']),
  status: z.string().max(64).nullable().describe('Of a lead: its status, or what the CRM calls one that is not mapped. Else null.'),
});
/** What a provider delivers to `…/webhooks/{connection}/{secret}`. */
const Delivery = z.strictObject({
  connection: Connection,
  secret: z.string().max(100),
  ...RawRequest,
});
const Delivered = z.object({ changes: z.int().min(0).max(100_000) });
const deliveryErrors = {
  bad_signature: 'permission_denied',
  bad_body: 'invalid_argument',
  no_webhook: 'not_found',
  no_connection: 'failed_precondition',
} as const;

/** The method that receives deliveries, but for its summary and its route. */
export const receiving = {
  input: Delivery,
  output: Delivered,
  idempotency: 'idempotent',
  roles: ['operator', 'gateway'],
  errors: deliveryErrors,
} as const;

export const crm = contract('crm', '1.1.0', {
  push_to_crm: method({
    summary: 'Find or create the contact and open a lead for it.',
    input: PushToCrm,
    output: PushedToCrm,
    idempotency: 'keyed',
    timeoutMs: 10_000,
    errors: refused,
    http: 'POST /api/v1/crm/push',
    examples: [{ firstName: 'Иван', lastName: 'Иванов', phoneNumber: '+79995553322' }],
  }),
  find_contact: method({
    summary: 'Contacts with this phone as their first or another number, in any spelling.',
    input: z.strictObject({ connection, phoneNumber: Phone }),
    output: z.object({
      contacts: z.array(Contact).max(50),
      isAmbiguous: z.boolean().optional().describe('More than one contact has this phone.'),
    }),
    idempotency: 'read',
    errors: upstream,
    examples: [{ phoneNumber: '+79995553322' }],
  }),
  create_contact: method({
    summary: 'Create a contact, unless one with this phone exists.',
    input: z.strictObject({
      connection,
      firstName: PersonName,
      lastName: PersonName.optional(),
      phoneNumber: Phone,
      email: Email.optional(),
    }),
    output: z.object({
      contactId: CrmId,
      created: z.boolean(),
      timeZone: TimeZone.nullish().describe('Time zone of the contact, if the CRM knows it.'),
    }),
    idempotency: 'keyed',
    lane: 'phoneNumber',
    errors: refused,
  }),
  create_lead: method({
    summary: 'Open a lead for a contact, or reuse an open one if requested.',
    input: z.strictObject({
      connection,
      contactId: CrmId,
      firstName: PersonName,
      lastName: PersonName.optional(),
      phoneNumber: Phone,
      source: Source.default('website'),
      comment: PersonText.optional(),
      reuseHours: z
        .int()
        .min(0)
        .max(8760)
        .default(0)
        .describe('Reuse the newest open lead of the contact that is younger than this; 0 always opens a new one.'),
    }),
    output: z.object({
      leadId: CrmId,
      createdById: CrmId.nullable(),
      created: z.boolean().describe('False when an existing lead was reused.'),
    }),
    idempotency: 'keyed',
    lane: 'contactId',
    unhashed: ['reuseHours'],
    errors: refused,
  }),
  find_open_lead: method({
    summary: 'The newest open lead of a contact that is not older than the given time.',
    input: z.strictObject({ connection, contactId: CrmId, since: Timestamp }),
    output: z.object({ lead: z.object({ leadId: CrmId, createdById: CrmId.nullable(), createdAt: Timestamp }).nullable() }),
    idempotency: 'read',
    errors: upstream,
  }),
  list_leads: method({
    summary: 'List leads, newest first. A page may be shorter than `limit` although more follow.',
    input: z.strictObject({
      connection,
      phoneNumber: Phone.optional(),
      q: PersonName.optional().describe('The beginning of the given or the family name.'),
      status: LeadStatus.optional(),
      viewer: Viewer,
      ...PageInput,
    }),
    output: pageOf(Lead),
    idempotency: 'read',
    errors: upstream,
    http: { route: 'GET /api/v1/crm/leads', viewer: 'viewer' },
    examples: [{ phoneNumber: '+79995553322' }],
  }),
  update_lead_status: method({
    summary: 'Move a lead to another status.',
    input: z.strictObject({ connection, leadId: CrmId, status: LeadStatus }),
    output: z.object({ leadId: CrmId, status: LeadStatus }),
    idempotency: 'idempotent',
    errors: refused,
  }),
  create_deal: method({
    summary: 'Open a deal.',
    input: z.strictObject({
      connection,
      contactId: CrmId,
      title: Line,
      amount: Money,
      closeAt: Timestamp,
      stage: z.string().max(50).optional(),
    }),
    output: z.object({ dealId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  list_deals: method({
    summary: 'Deals of the contacts with this phone, newest first.',
    input: OfPhone,
    output: z.object({ items: z.array(Deal).max(100), isMore }),
    idempotency: 'read',
    errors: upstream,
    http: 'GET /api/v1/crm/deals',
    examples: [{ phoneNumber: '+79995553322' }],
  }),
  list_tasks: method({
    summary: 'Tasks about the contacts with this phone, and about their newest leads and deals: open ones first, then by their due time.',
    input: OfPhone,
    output: z.object({ items: z.array(Task).max(100), isMore }),
    idempotency: 'read',
    errors: upstream,
    http: 'GET /api/v1/crm/tasks',
    examples: [{ phoneNumber: '+79995553322' }],
  }),
  create_task: method({
    summary: 'Create a task for staff about a lead, a contact or a deal.',
    input: z.strictObject({ connection, about: About, subject: Line, dueAt: Timestamp.optional(), text: PersonText.optional() }),
    output: z.object({ taskId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  add_note: method({
    summary: 'Add a note.',
    input: z.strictObject({ connection, about: About, text: PersonText.min(1) }),
    output: z.object({ noteId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  log_call: method({
    summary: 'Log a call that took place or was attempted.',
    input: z
      .strictObject({
        connection,
        about: About.optional().describe('The record to which the call belongs, in a CRM without leads too.'),
        leadId: CrmId.optional().describe('The same as `about` with a lead.'),
        contactId: CrmId.optional(),
        callId: Id,
        direction: z.enum(['outbound', 'inbound']).default('outbound'),
        outcome: CallOutcome,
        phoneNumber: Phone,
        startedAt: Timestamp,
        durationMs: z.int().min(0).max(86_400_000),
      })
      .refine(({ about, leadId }) => (about === undefined) !== (leadId === undefined), 'either about or leadId'),
    output: z.object({ crmCallId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  update_contact: method({
    summary: 'Add a phone or an e-mail address to a contact; existing ones and the name stay.',
    input: z
      .strictObject({ connection, contactId: CrmId, phoneNumber: Phone.optional(), email: Email.optional() })
      .refine(({ phoneNumber, email }) => phoneNumber !== undefined || email !== undefined, 'a phoneNumber or an email'),
    output: z.object({ contactId: CrmId, changed: z.boolean().describe('False if the contact already had them.') }),
    idempotency: 'keyed',
    lane: 'contactId',
    errors: refused,
  }),
  webhook: method({
    summary: 'Receive what a CRM delivers. Replies once it is stored; the records are read again.',
    ...receiving,
    http: { route: 'POST /api/v1/crm/webhooks/{connection}/{secret}', body: 'raw' },
  }),
  capabilities: method({
    summary: 'The CRM of a connection and its features.',
    input: z.strictObject({ connection }),
    output: z.object({
      crm: z.string().max(40),
      methods: SupportedMethods,
    }),
    idempotency: 'read',
    errors: { no_connection: 'failed_precondition' },
  }),
  lead_created: event({
    summary: 'A lead was opened.',
    payload: z.object({ leadId: CrmId, contactId: CrmId, phoneNumber: Phone, source: Source }),
    key: 'leadId',
  }),
  contact_changed: event({ summary: 'A contact changed in the CRM.', payload: RecordChange, key: 'id' }),
  lead_changed: event({ summary: 'A lead changed in the CRM.', payload: RecordChange, key: 'id' }),
  deal_changed: event({ summary: 'A deal changed in the CRM.', payload: RecordChange, key: 'id' }),
  task_changed: event({ summary: 'A task changed in the CRM.', payload: RecordChange, key: 'id' }),
});
