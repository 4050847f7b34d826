/** Topics of the event stream of HTTP. */
import { calls } from './calls.ts';
import { inbox } from './inbox.ts';
import { journal } from './journal.ts';
import { type Event, type Method, type PersonRole, personRoles, type Scope } from './kit/define.ts';
import { messages } from './messages.ts';
import { softphone } from './softphone.ts';
import { system } from './system.ts';
import { telephony } from './telephony.ts';

interface Topic {
  /** The API key scope required, the same as for reading the list. */
  readonly scope: Scope;
  /** Roles of people who may follow. */
  readonly people: readonly PersonRole[];
  readonly method: Method;
  readonly input: object;
  /** Dotted path of the chat of an item: a manager is told only about their own chats and those of nobody. */
  readonly chat?: string;
  /** Dotted path of the phone of an item, which a manager is told about unless only other people are in charge of its chats. */
  readonly phone?: string;
  /** Announcements after which the list is read at once; it is read every `pollMs` as well. */
  readonly wakes?: readonly Event[];
  /** Default: one second. */
  readonly pollMs?: number;
}
/** A list whose items are sent again when they change. */
export interface StateTopic extends Topic {
  readonly kind: 'state';
  /** Field that names an item; default `id`. */
  readonly id?: string;
}
/** A state whose method narrows it to who looks: it is read for each person who follows. */
export interface OwnTopic extends Topic {
  readonly kind: 'own';
  readonly id?: string;
  /** Input field of the person who looks. */
  readonly viewer: string;
}
/** A list that only grows, sent from a cursor on. */
export interface LogTopic extends Topic {
  readonly kind: 'log';
  /** Input instead of a cursor: starts with the next item. */
  readonly start: object;
}

const staff = ['manager', 'director', 'admin'] as const;
const running = ['admin', 'operator'] as const;
const callChanges = [calls.call_started, calls.call_ringing, calls.call_answered, calls.call_ended];
const chatChanges = [inbox.message_received, inbox.message_changed, inbox.owner_changed, inbox.chat_assigned];

export const feeds: Readonly<Record<string, StateTopic | OwnTopic | LogTopic>> = {
  runs: {
    kind: 'state',
    scope: 'admin',
    people: running,
    method: journal.list,
    input: { view: 'runs' },
    wakes: [journal.approval_changed],
  },
  dead_letters: {
    kind: 'state',
    scope: 'admin',
    people: running,
    method: journal.list,
    input: { view: 'dead_letters' },
    wakes: [journal.approval_changed],
  },
  approvals: {
    kind: 'state',
    scope: 'send',
    people: staff,
    method: journal.list,
    input: { view: 'approvals', show: 'revealed' },
    chat: 'input.chatId',
    phone: 'input.phoneNumber',
    wakes: [journal.approval_changed, messages.delivery_made, messages.delivery_changed, ...chatChanges],
  },
  reviews: {
    kind: 'own',
    scope: 'send',
    people: staff,
    method: journal.list,
    input: { view: 'reviews', show: 'inputs' },
    viewer: 'viewer',
    wakes: [journal.approval_changed, messages.delivery_changed],
  },
  calls: {
    kind: 'state',
    scope: 'read',
    people: staff,
    method: calls.list_calls,
    input: {},
    id: 'callId',
    phone: 'phoneNumber',
    wakes: callChanges,
  },
  chats: {
    kind: 'state',
    scope: 'read',
    people: staff,
    method: inbox.list_chats,
    input: {},
    id: 'chatId',
    chat: 'chatId',
    wakes: chatChanges,
  },
  deliveries: {
    kind: 'state',
    scope: 'read',
    people: staff,
    method: inbox.list_deliveries,
    input: {},
    id: 'messageId',
    chat: 'chatId',
    wakes: [inbox.message_status],
  },
  merges: {
    kind: 'own',
    scope: 'read',
    people: staff,
    method: inbox.list_client_merges,
    input: {},
    id: 'mergeId',
    viewer: 'viewer',
    wakes: [inbox.clients_merged],
    pollMs: 30_000,
  },
  phone: {
    kind: 'own',
    scope: 'read',
    people: staff,
    method: softphone.list_phone_calls,
    input: {},
    id: 'legId',
    viewer: 'viewer',
    wakes: [telephony.leg_changed],
    pollMs: 5_000,
  },
  services: {
    kind: 'state',
    scope: 'admin',
    people: running,
    method: system.survey_services,
    input: { show: 'standing' },
    id: 'service',
    pollMs: 2_000,
  },
  counters: {
    kind: 'own',
    scope: 'admin',
    people: personRoles,
    method: system.count_waiting,
    input: {},
    viewer: 'viewer',
    wakes: [journal.approval_changed, messages.delivery_made, messages.delivery_changed, ...chatChanges, ...callChanges],
    pollMs: 5_000,
  },
  // Without a cursor, the topic starts at the next message.
  messages: {
    kind: 'log',
    scope: 'read',
    people: staff,
    method: inbox.list_messages,
    input: { order: 'stored' },
    start: { storedSince: '2200-01-01T00:00:00Z' },
    chat: 'chatId',
    wakes: [inbox.message_received],
  },
};
