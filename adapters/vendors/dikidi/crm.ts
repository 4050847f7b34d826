/**
 * DIKIDI has no public API: every method is unsupported, and no request is sent. Its web cabinet's own requests change without notice,
 * and accounts that use them may be blocked. Data comes in by files (csv.ts).
 */
import { type Capabilities, type Crm, everything } from '../../crm/port.ts';
import { unsupported, unsupportedEffect } from '../../unsupported.ts';

export function dikidiCrm(): Crm {
  const refuse = (what: string) => async (): Promise<never> => {
    throw unsupported('DIKIDI', what);
  };
  const methods = Object.fromEntries(Object.keys(everything).map((method) => [method, 'unsupported'])) as Capabilities['methods'];
  return {
    capabilities: () => ({ crm: 'dikidi', methods }),
    findContacts: refuse('contacts'),
    findOpenLead: refuse('leads'),
    updateLeadStatus: refuse('leads'),
    createContact: unsupportedEffect('DIKIDI', 'contacts'),
    createLead: unsupportedEffect('DIKIDI', 'leads'),
    createDeal: unsupportedEffect('DIKIDI', 'deals'),
    createTask: unsupportedEffect('DIKIDI', 'tasks'),
    addNote: unsupportedEffect('DIKIDI', 'notes'),
    logCall: unsupportedEffect('DIKIDI', 'calls'),
    updateContact: unsupportedEffect('DIKIDI', 'contacts'),
  };
}
