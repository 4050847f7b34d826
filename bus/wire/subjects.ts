/**
 * Subjects of calls. A user of the bus appends `.by.<its name>` to the subject of a method, and its permissions allow no other name:
 * the subject proves the caller. The bare subject, as in `nats req`, proves no caller and counts as the guest.
 */
import type { Entry } from '../../contracts/kit/define.ts';

/** The user of connections without credentials, where they are allowed. */
export const guestUser = 'guest';
const mark = '.by.';

/** `polyb.rpc.crm.push_to_crm`; an owned object appends its id as a token. */
export function callSubject(prefix: string, { service, name }: Pick<Entry, 'service' | 'name'>): string {
  return `${prefix}.rpc.${service}.${name}`;
}
/** The suffix of the subjects that a user calls; `*` is every user. */
export function signature(user: string): string {
  return user === guestUser ? '' : `${mark}${user}`;
}
/** The caller of a request to `subject`, which was received at `bare` or at `bare.by.*`. */
export function callerAt(subject: string, bare: string): string {
  return subject.length === bare.length ? guestUser : subject.slice(bare.length + mark.length);
}
/** Whether `subject` is a reply inbox of the caller. A guest also has inboxes that name no user, of two or three tokens, as `nats req` makes them. */
export function isInboxOf(subject: string, caller: string): boolean {
  if (!subject.startsWith('_INBOX.')) return false;
  if (subject.startsWith(caller, 7) && subject.charCodeAt(7 + caller.length) === dot) return true;
  if (caller !== guestUser) return false;
  const second = subject.indexOf('.', 7);
  return second < 0 || subject.indexOf('.', second + 1) < 0;
}
/** Whether discovery may reply to this inbox. It cannot prove the requester, so it leaves out inboxes of four tokens, which belong to calls. */
export function isDiscoveryInbox(subject: string): boolean {
  return /^_INBOX\.[^.]+(\.[^.]+)?$/.test(subject);
}
const dot = 46;
