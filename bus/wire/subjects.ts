/**
 * Where calls go. A user of the bus adds `.by.<its name>` to the subject of a method, and its permissions allow it no other name there:
 * the subject proves who calls. The bare subject, as `nats req` uses it by hand, proves nobody and counts as the guest.
 */
import type { Entry } from '../../contracts/kit/define.ts';

/** A connection without credentials, where that is allowed. */
export const guestUser = 'guest';
const mark = '.by.';

/** `polyb.rpc.crm.push_to_crm`; an owned thing adds its id as one more token. */
export function callSubject(prefix: string, { service, name }: Pick<Entry, 'service' | 'name'>): string {
  return `${prefix}.rpc.${service}.${name}`;
}
/** What a user adds to the subjects that it calls; `*` is every user. */
export function signature(user: string): string {
  return user === guestUser ? '' : `${mark}${user}`;
}
/** Who published to `subject`, which was heard at `bare` or at `bare.by.*`. */
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
/** Whether discovery may answer there. It cannot prove who asks, so it answers no inbox of four tokens: those belong to calls. */
export function isDiscoveryInbox(subject: string): boolean {
  return /^_INBOX\.[^.]+(\.[^.]+)?$/.test(subject);
}
const dot = 46;
