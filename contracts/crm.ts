/** Contacts, leads and related records, in any CRM. */
import { z } from 'zod';
import { Email, Id, Line, Money, PersonName, PersonText, Phone, Timestamp, TimeZone } from './common.ts';
import { contract, event, method } from './kit/define.ts';

const CrmId = Id.describe('An opaque id of the CRM.');
const Source = z.string().trim().min(1).max(50).describe('Where the customer came from: website, phone_call, messenger, …');
/** How an adapter supports a method: natively, composed of other methods, or not at all. */
export const Support = z.enum(['native', 'emulated', 'unsupported']);

export const PushToCrm = z.strictObject({
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
});
export const LeadStatus = z.enum(['new', 'in_process', 'converted', 'dead']);
export const CallOutcome = z.enum(['answered', 'busy', 'no_answer', 'rejected', 'failed', 'unknown']);
const About = z.strictObject({ kind: z.enum(['lead', 'contact', 'deal']), id: CrmId });
const refused = {
  crm_rejected: {
    code: 'failed_precondition',
    data: z
      .object({ field: z.string().max(100), rule: z.string().max(100).optional() })
      .optional()
      .describe('The field that the CRM refused, and the rule that it violates, if the CRM names them.'),
  },
  upstream_credentials: 'failed_precondition',
} as const;

export const crm = contract('crm', '1.0.0', {
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
    input: z.strictObject({ phoneNumber: Phone }),
    output: z.object({ contacts: z.array(Contact).max(50) }),
    idempotency: 'read',
    examples: [{ phoneNumber: '+79995553322' }],
  }),
  create_contact: method({
    summary: 'Create a contact, unless one with this phone exists.',
    input: z.strictObject({ firstName: PersonName, lastName: PersonName.optional(), phoneNumber: Phone, email: Email.optional() }),
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
    input: z.strictObject({ contactId: CrmId, since: Timestamp }),
    output: z.object({ lead: z.object({ leadId: CrmId, createdById: CrmId.nullable(), createdAt: Timestamp }).nullable() }),
    idempotency: 'read',
  }),
  update_lead_status: method({
    summary: 'Move a lead to another status.',
    input: z.strictObject({ leadId: CrmId, status: LeadStatus }),
    output: z.object({ leadId: CrmId, status: LeadStatus }),
    idempotency: 'idempotent',
    errors: refused,
  }),
  create_deal: method({
    summary: 'Open a deal.',
    input: z.strictObject({ contactId: CrmId, title: Line, amount: Money, closeAt: Timestamp, stage: z.string().max(50).optional() }),
    output: z.object({ dealId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  create_task: method({
    summary: 'Create a task for staff about a lead, a contact or a deal.',
    input: z.strictObject({ about: About, subject: Line, dueAt: Timestamp.optional(), text: PersonText.optional() }),
    output: z.object({ taskId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  add_note: method({
    summary: 'Add a note.',
    input: z.strictObject({ about: About, text: PersonText.min(1) }),
    output: z.object({ noteId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  log_call: method({
    summary: 'Log a call that took place or was attempted.',
    input: z.strictObject({
      leadId: CrmId,
      contactId: CrmId.optional(),
      callId: Id,
      direction: z.enum(['outbound', 'inbound']).default('outbound'),
      outcome: CallOutcome,
      phoneNumber: Phone,
      startedAt: Timestamp,
      durationMs: z.int().min(0).max(86_400_000),
    }),
    output: z.object({ crmCallId: CrmId }),
    idempotency: 'keyed',
    errors: refused,
  }),
  capabilities: method({
    summary: 'The CRM in use and its features.',
    input: z.strictObject({}),
    output: z.object({
      crm: z.string().max(40),
      methods: z
        .record(z.string().max(64), Support)
        .refine((methods) => Object.keys(methods).length <= 64)
        .meta({ maxProperties: 64 }),
    }),
    idempotency: 'read',
  }),
  lead_created: event({
    summary: 'A lead was opened.',
    payload: z.object({ leadId: CrmId, contactId: CrmId, phoneNumber: Phone, source: Source }),
    key: 'leadId',
  }),
});
