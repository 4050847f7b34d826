import { newId } from '../../bus/durable/identity.ts';
import type { Commit, Handler } from '../../bus/service.ts';
import type { campaigns } from '../../contracts/campaigns.ts';
import { Id, Line, PersonName, Phone, TimeZone } from '../../contracts/common.ts';
import type { OutputOf, ParsedOf } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { unknownCampaign } from './change-campaign.ts';
import {
  completeMember,
  hold,
  insertMembers,
  type KnownMember,
  lockCampaign,
  lockMembers,
  moveMember,
  type NewMemberRow,
  type Rules,
  rulesOf,
} from './rows.ts';
import { zonesOfMember } from './zones-of-member.ts';

type Given = ParsedOf<typeof campaigns.add_members>['members'][number];
type Added = OutputOf<typeof campaigns.add_members>;
type Fields = Pick<NewMemberRow, 'phoneNumber' | 'name' | 'leadId' | 'timeZone' | 'consent'>;

/** Reason that holds the member until a person supplies what is missing; null if it may be called. */
export function missingOf(member: Pick<KnownMember, 'phoneNumber' | 'timeZone' | 'consent'>, rules: Rules): string | null {
  if (rules.needsConsent && member.consent === null) return 'no_consent';
  return zonesOfMember(member, rules).length === 0 ? 'unknown_zone' : null;
}

export function addMembers(commit: Commit, now: () => number): Handler<typeof campaigns.add_members> {
  return ({ campaignId, members: given }) =>
    commit(async (tx): Promise<Added> => {
      const campaign = await lockCampaign(tx, campaignId);
      if (campaign === null) throw unknownCampaign(campaignId);
      const rules = rulesOf(campaign);
      if (rules === null || !['draft', 'running', 'paused'].includes(campaign.state))
        throw new PolybError('failed_precondition', `Campaign ${campaignId} is ${campaign.state}; members are added before its end.`, {
          reason: 'wrong_state',
        });
      const errors: Added['errors'] = [];
      const byPhone = new Map<string, Fields>();
      for (const [nth, member] of given.entries()) {
        const read = readMember(member);
        if ('expected' in read) errors.push({ line: member.line ?? nth + 1, ...read });
        // Of two lines with the same phone, the first wins.
        else if (!byPhone.has(read.phoneNumber)) byPhone.set(read.phoneNumber, read);
      }
      const at = new Date(now());
      const fresh = [...byPhone.values()].map((fields) => ({ ...fields, memberId: newId('mem'), review: missingOf(fields, rules) }));
      const added = await insertMembers(tx, campaignId, fresh, at);
      const reviews = fresh.flatMap(({ phoneNumber, review }) => (added.has(phoneNumber) && review !== null ? [review] : []));
      let updated = 0;
      for (const known of await lockMembers(
        tx,
        campaignId,
        [...byPhone.keys()].filter((phone) => !added.has(phone)),
      )) {
        const fields = byPhone.get(known.phoneNumber);
        const merged = fields && completed(known, fields);
        if (!merged) continue;
        updated += 1;
        await completeMember(tx, merged);
        if (known.state !== 'review' || (known.reason !== 'no_consent' && known.reason !== 'unknown_zone')) continue;
        const review = missingOf(merged, rules);
        if (review === null) await moveMember(tx, known.memberId, { state: 'waiting', reason: null, dueAt: at });
        else {
          await moveMember(tx, known.memberId, { state: 'review', reason: review, dueAt: null });
          reviews.push(review);
        }
      }
      for (const reason of new Set(reviews)) await hold(tx, campaignId, reason, at);
      return { added: added.size, updated, repeated: given.length - errors.length - added.size - updated, held: reviews.length, errors };
    });
}

/** The member with its empty fields filled in; null if there is nothing to fill. Existing values are kept. */
function completed(known: KnownMember, fields: Fields): KnownMember | null {
  const merged = {
    ...known,
    name: known.name ?? fields.name,
    leadId: known.leadId ?? fields.leadId,
    timeZone: known.timeZone ?? fields.timeZone,
    consent: known.consent ?? fields.consent,
  };
  const names = ['name', 'leadId', 'timeZone', 'consent'] as const;
  return names.some((name) => merged[name] !== known[name]) ? merged : null;
}

const expected = {
  phoneNumber: 'a phone in E.164, e.g. +79995553322',
  name: '1 to 100 characters',
  leadId: 'an id of 1 to 64 characters',
  timeZone: 'an IANA time zone, e.g. Europe/Moscow',
  consent: 'evidence of 1 to 200 characters',
} as const;
/** An empty field counts as absent. Errors never contain the value, which may be personal data. */
function readMember(given: Given): Fields | { readonly field: string; readonly expected: string } {
  const text = (value: string | null | undefined): string | null => (value == null || value.trim() === '' ? null : value.trim());
  const phone = Phone.safeParse(given.phoneNumber);
  if (!phone.success) return { field: 'phoneNumber', expected: expected.phoneNumber };
  const fields = {
    phoneNumber: phone.data,
    name: text(given.name),
    leadId: text(given.leadId),
    timeZone: text(given.timeZone),
    consent: text(given.consent),
  };
  for (const [field, schema] of [
    ['name', PersonName],
    ['leadId', Id],
    ['timeZone', TimeZone],
    ['consent', Line],
  ] as const)
    if (fields[field] !== null && !schema.safeParse(fields[field]).success) return { field, expected: expected[field] };
  return fields;
}
