/** Tools that change something: after a confirmation of the customer, after an approval of staff, or at once for notes of our own. */
import { z } from 'zod';
import { booking } from '../../../contracts/booking.ts';
import { calls } from '../../../contracts/calls.ts';
import { PersonName, Phone } from '../../../contracts/common.ts';
import { crm } from '../../../contracts/crm.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import type { KnownAppointment, OfferedSlot } from '../rows/sessions.ts';
import { moneyText } from '../said.ts';
import { ownAppointments } from './reads.ts';
import { refused, type Tool, type ToolContext, type ToolResult, tool } from './tool.ts';

const Ref = z.string().min(1).max(16);
const Words = z.string().min(1).max(500);

const slotOf = ({ memory }: ToolContext, ref: string): OfferedSlot | null => memory.offered.find(({ slot }) => slot === ref) ?? null;
const noSlot = (ref: string): ToolResult =>
  refused('not_known', `There is no slot ${ref} in this conversation. Get times with get_available_slots and use a slot of its answer.`);
const proposed: ToolResult['result'] = {
  proposal: 'shown',
  note: 'The customer now sees the proposal with buttons. Nothing is booked or changed until they confirm. Say nothing more about it.',
};

const createAppointment = tool({
  name: 'create_appointment',
  of: booking.create_appointment,
  hint: 'Proposes a slot of get_available_slots; the customer confirms it with a button. Give name and phone if the customer stated them.',
  input: z.strictObject({ slot: Ref, name: PersonName.optional(), phone: Phone.optional(), comment: Words.optional() }),
  policy: 'customer',
  isWrite: true,
  states: ['BOOKING', 'CONFIRMING', 'COMPLETED'],
  async run({ slot: ref, name: given, phone: stated, comment }, context) {
    const { session, memory, settings } = context;
    const slot = slotOf(context, ref);
    if (slot === null) return noSlot(ref);
    // The model replaces no phone of the session; what it adds is shown in the proposal.
    const phone = session.phone ?? stated ?? null;
    const name = given ?? session.name;
    const missing = [...(memory.clientId === null && name === null ? ['name'] : []), ...(phone === null ? ['phone'] : [])];
    if (missing.length > 0 || phone === null) return refused('bad_arguments', `Ask the customer for: ${missing.join(', ')}.`, { missing });
    if ((await context.bookings(phone)) >= settings.DIALOG_MAX_BOOKINGS)
      return refused('budget', 'This phone has made enough appointments through the chat today; hand the conversation over.');
    const client =
      memory.clientId !== null && session.phoneProof === 'proved'
        ? { clientId: memory.clientId }
        : { client: { name: name ?? phone, phoneNumber: phone } };
    return {
      outcome: 'proposed',
      result: proposed,
      ...(given === undefined ? {} : { name: given }),
      asks: [
        {
          is: 'propose',
          what: 'create',
          input: { slotId: slot.slotId, ...client, ...(comment === undefined ? {} : { comment }) },
          details: {
            services: slot.services,
            employee: slot.employee,
            start: slot.start,
            price: slot.price === null ? null : moneyText(slot.price),
            name,
            // What was heard may be wrong, and is read back.
            ...(session.phone === null || memory.dictation?.isWhole ? { phone } : {}),
          },
          ttlMs: untilSlot(slot, context),
          phone,
        },
      ],
    };
  },
});

const rescheduleAppointment = tool({
  name: 'reschedule_appointment',
  of: booking.reschedule_appointment,
  hint: 'Proposes to move an appointment of get_client_appointments to a slot of get_available_slots; the customer confirms it.',
  input: z.strictObject({ appointment: Ref, slot: Ref }),
  policy: 'customer',
  isWrite: true,
  states: 'all',
  run: ({ appointment: ref, slot: slotRef }, context) =>
    ofOwn(context, ref, async (appointment) => {
      const slot = slotOf(context, slotRef);
      if (slot === null) return noSlot(slotRef);
      return {
        outcome: 'proposed',
        result: proposed,
        asks: [
          {
            is: 'propose',
            what: 'move',
            input: { appointmentId: appointment.appointmentId, clientId: appointment.clientId, slotId: slot.slotId },
            details: {
              services: appointment.services,
              employee: slot.employee,
              start: slot.start,
              from: appointment.start,
              price: slot.price === null ? null : moneyText(slot.price),
              name: null,
            },
            ttlMs: untilSlot(slot, context),
            phone: context.session.phone,
          },
        ],
      };
    }),
});

const cancelAppointment = tool({
  name: 'cancel_appointment',
  of: booking.cancel_appointment,
  hint: 'Proposes to cancel an appointment of get_client_appointments; the customer confirms it.',
  input: z.strictObject({ appointment: Ref, reason: z.string().min(1).max(200).optional() }),
  policy: 'customer',
  isWrite: true,
  states: 'all',
  run: ({ appointment: ref, reason }, context) =>
    ofOwn(context, ref, async (appointment) => ({
      outcome: 'proposed',
      result: proposed,
      asks: [
        {
          is: 'propose',
          what: 'cancel',
          input: {
            connection: context.settings.DIALOG_CONNECTION,
            appointmentId: appointment.appointmentId,
            clientId: appointment.clientId,
            ...(reason === undefined ? {} : { reason }),
          },
          details: { services: appointment.services, employee: appointment.employee, start: appointment.start, price: null, name: null },
          ttlMs: Math.min(context.settings.DIALOG_PROPOSAL_MS, Math.max(1_000, Date.parse(appointment.start) - context.now)),
          phone: context.session.phone,
        },
      ],
    })),
});

/** With an appointment that this session knows as the customer's own. */
async function ofOwn(context: ToolContext, ref: string, then: (of: KnownAppointment) => Promise<ToolResult>): Promise<ToolResult> {
  if (context.memory.appointments === null) {
    const { result, outcome, asks } = await ownAppointments(context);
    if (outcome !== 'done') return { outcome, result, ...(asks === undefined ? {} : { asks }) };
  }
  const known = context.memory.appointments?.find(({ appointment }) => appointment === ref);
  return known === undefined
    ? refused('not_known', `There is no appointment ${ref} in this conversation. Get the customer’s own with get_client_appointments.`)
    : then(known);
}
/** A proposal ends with the slot, and before the slot id does. */
function untilSlot({ start }: OfferedSlot, { settings, now }: ToolContext): number {
  return Math.min(settings.DIALOG_PROPOSAL_MS, Math.max(1_000, Date.parse(start) - now));
}

const createClient = tool({
  name: 'create_client',
  of: booking.create_client,
  hint: 'Only for a proved phone. Not needed before create_appointment.',
  input: z.strictObject({ name: PersonName, phone: Phone }),
  policy: 'auto',
  isWrite: true,
  states: 'all',
  async run({ name, phone }, { session, settings, call, key }) {
    if (session.phoneProof !== 'proved' || session.phone !== phone)
      return refused('not_allowed', 'The phone is not proved. create_appointment takes name and phone without it.');
    const { clientId } = await call(booking.create_client, { connection: settings.DIALOG_CONNECTION, name, phoneNumber: phone }, { key });
    return { outcome: 'done', result: { created: true }, remember: { clientId }, name };
  },
});

const pushToCrm = tool({
  name: 'push_to_crm',
  of: crm.push_to_crm,
  hint: 'Notes the wish of the customer for the staff.',
  input: z.strictObject({ comment: Words }),
  policy: 'auto',
  isWrite: true,
  states: 'all',
  async run({ comment }, context) {
    const lead = await pushedLead(context, comment);
    if ('outcome' in lead) return lead;
    return { outcome: 'done', result: { noted: true }, deed: 'noted' };
  },
});

const startCall = tool({
  name: 'start_call',
  of: calls.start_call,
  hint: 'The customer asks to be called back. A member of staff approves it first.',
  input: z.strictObject({ comment: Words.optional() }),
  policy: 'staff',
  isWrite: true,
  states: 'all',
  async run({ comment = 'Просит перезвонить.' }, context) {
    const lead = await pushedLead(context, comment);
    if ('outcome' in lead) return lead;
    return {
      outcome: 'sent_to_staff',
      result: { requested: true, note: 'Staff decides on the call. Promise no time.' },
      deed: 'call_requested',
      asks: [{ is: 'call_back', input: lead }],
    };
  },
});

async function pushedLead(
  { session, call, key }: ToolContext,
  comment: string,
): Promise<ToolResult | { readonly leadId: string; readonly phoneNumber: string }> {
  if (session.phone === null) return refused('bad_arguments', 'Ask the customer for their phone first.', { missing: ['phone'] });
  try {
    const { leadId, phoneNumber } = await call(
      crm.push_to_crm,
      { firstName: session.name ?? session.phone, phoneNumber: session.phone, source: 'website', comment },
      { key },
    );
    return { leadId, phoneNumber };
  } catch (error) {
    if (!isPolybError(error)) throw error;
    return refused('failed', 'The CRM did not take it; hand the conversation over.');
  }
}

const handOver = tool({
  name: 'hand_over',
  of: null,
  hint: 'Hands the conversation over to a person of the staff: the customer wants one, complains, or needs what no tool does.',
  input: z.strictObject({ reason: z.string().min(1).max(200), summary: z.string().max(1000).default('') }),
  policy: 'auto',
  isWrite: true,
  states: 'all',
  async run({ reason, summary }) {
    return { outcome: 'done', result: { handedOver: true }, deed: 'passed_on', asks: [{ is: 'hand_over', reason, summary }] };
  },
});

export const writes: readonly Tool[] = [
  createAppointment,
  rescheduleAppointment,
  cancelAppointment,
  createClient,
  pushToCrm,
  startCall,
  handOver,
];
