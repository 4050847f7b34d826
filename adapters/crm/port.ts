/**
 * The port of crm-connector. Writes of keyed methods are effects, which only the journal runs. Each record that they create
 * stores the attempt's `ref`, by which a look-up finds it.
 */
import type { z } from 'zod';
import { Money } from '../../contracts/common.ts';
import type { About as AboutSchema, Contact as ContactSchema, crm, LeadStatus as LeadStatusSchema } from '../../contracts/crm.ts';
import type { Effect, OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import type { ChangedEntity, RecordState, Webhooks } from '../crm-webhook.ts';
import type { Consent } from '../oauth.ts';

export type Contact = z.output<typeof ContactSchema>;
export type LeadStatus = z.output<typeof LeadStatusSchema>;
export type About = z.output<typeof AboutSchema>;
export type Deal = OutputOf<typeof crm.list_deals>['items'][number];
export type Task = OutputOf<typeof crm.list_tasks>['items'][number];
export type OpenLead = NonNullable<OutputOf<typeof crm.find_open_lead>['lead']>;
export type LeadFilter = Omit<ParsedOf<typeof crm.list_leads>, 'connection'>;
export type LeadPage = OutputOf<typeof crm.list_leads>;
export type Capabilities = OutputOf<typeof crm.capabilities>;

export interface Crm {
  capabilities(): Capabilities;
  /** At most 50 contacts that have this phone (E.164) as any of their numbers, in any spelling; oldest first. */
  findContacts(phoneNumber: string, signal: AbortSignal): Promise<readonly Contact[]>;
  /** The newest open lead of the contact that was created at `since` or later. */
  findOpenLead(contactId: string, since: Date, signal: AbortSignal): Promise<OpenLead | null>;
  /** Newest first. Absent where the adapter does not list leads. @throws PolybError invalid_argument for a cursor of another list. */
  listLeads?(wanted: LeadFilter, signal: AbortSignal): Promise<LeadPage>;
  /** At most so many deals of a contact, newest first. Absent where the adapter does not list deals. */
  listDeals?(contactId: string, limit: number, signal: AbortSignal): Promise<readonly Deal[]>;
  /** At most so many tasks about these records, newest first. Absent where the adapter does not list tasks. */
  listTasks?(about: readonly About[], limit: number, signal: AbortSignal): Promise<readonly Task[]>;
  /** @throws PolybError not_found; failed_precondition/crm_rejected. */
  updateLeadStatus(leadId: string, status: LeadStatus, signal: AbortSignal): Promise<void>;
  /** Does not search for a contact with this phone; the service does. */
  readonly createContact: Effect<typeof crm.create_contact>;
  /**
   * Does not search for an open lead; the service does. If the CRM refuses one because of another, that one is used only if it is open
   * and younger than `reuseHours`.
   */
  readonly createLead: Effect<typeof crm.create_lead>;
  readonly createDeal: Effect<typeof crm.create_deal>;
  readonly createTask: Effect<typeof crm.create_task>;
  readonly addNote: Effect<typeof crm.add_note>;
  readonly logCall: Effect<typeof crm.log_call>;
  /** Adds what the contact lacks; removes and replaces nothing. */
  readonly updateContact: Effect<typeof crm.update_contact>;
  /** Absent where the CRM delivers nothing. */
  readonly webhooks?: Webhooks;
  /** Needed for webhooks. Null if there is no such record, or it was deleted. */
  readRecord?(entity: Exclude<ChangedEntity, 'appointment'>, id: string, signal: AbortSignal): Promise<RecordState | null>;
  /** Only of a connection with OAuth. */
  readonly consent?: Consent;
}

/** The record to which a call belongs. */
export function subjectOf({ about, leadId }: Pick<ParsedOf<typeof crm.log_call>, 'about' | 'leadId'>): About {
  return about ?? { kind: 'lead', id: leadId as string }; // The contract requires one of the two.
}

/** A sum as a CRM writes it, in whole units; null for what is no sum of a known currency. */
export function moneyOf(amount: unknown, currency: string | null): z.output<typeof Money> | null {
  const units = typeof amount === 'string' && amount !== '' ? Number(amount) : amount;
  if (typeof units !== 'number' || currency === null || !/^[A-Z]{3}$/.test(currency)) return null;
  const parsed = Money.safeParse({ amountMinor: Math.round(units * 10 ** fractionDigits(currency)), currency });
  return parsed.data ?? null;
}
/** Digits after the point in sums of a currency. @throws RangeError for what is no currency code. */
export function fractionDigits(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** Capabilities of a CRM that supports everything; the service composes `push_to_crm`. */
export const everything = {
  push_to_crm: 'emulated',
  find_contact: 'native',
  create_contact: 'native',
  create_lead: 'native',
  find_open_lead: 'native',
  list_leads: 'native',
  list_deals: 'native',
  list_tasks: 'native',
  update_lead_status: 'native',
  create_deal: 'native',
  create_task: 'native',
  add_note: 'native',
  log_call: 'native',
  update_contact: 'native',
} as const satisfies Capabilities['methods'];
