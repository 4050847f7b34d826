/** What a customer wants, by the tools that the turn used. */
import type { ToolRow } from './rows/turns.ts';

export const intents: readonly { readonly name: string; readonly description: string; readonly tools: readonly string[] }[] = [
  { name: 'human', description: 'Wants a person.', tools: ['hand_over'] },
  { name: 'call_back', description: 'Wants to be called.', tools: ['start_call'] },
  { name: 'cancel', description: 'Cancels an appointment.', tools: ['cancel_appointment'] },
  { name: 'move', description: 'Moves an appointment.', tools: ['reschedule_appointment'] },
  { name: 'book', description: 'Books an appointment.', tools: ['create_appointment', 'get_available_slots'] },
  { name: 'appointments', description: 'Asks about their appointments.', tools: ['get_client_appointments'] },
  { name: 'services', description: 'Asks about services, prices or employees.', tools: ['get_services', 'get_employees'] },
  { name: 'note', description: 'Leaves a wish for the staff.', tools: ['push_to_crm'] },
  { name: 'decide', description: 'Confirms or declines a proposal.', tools: [] },
  { name: 'talk', description: 'Talks without a tool.', tools: [] },
];

/** @param tools of the turn; null if no model was asked */
export function intentOf(tools: readonly Pick<ToolRow, 'name'>[] | null): string {
  if (tools === null) return 'decide';
  const names = new Set(tools.map(({ name }) => name));
  return intents.find((each) => each.tools.some((name) => names.has(name)))?.name ?? 'talk';
}
