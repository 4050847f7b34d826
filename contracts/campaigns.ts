/**
 * Campaigns: lists of people who are called, each only when the law and their own wish allow it.
 *
 * Glossary: a *member* is one phone of a campaign; a *window* is a time of a weekday, in the member's zone, in which calls may start; a
 * *hold* is a reason for which members, or a whole campaign, are not called until a person acts.
 */
import { z } from 'zod';
import { Actor, Id, Line, OnBehalfOf, PageInput, PersonName, Phone, pageOf, Timestamp, TimeZone, Viewer } from './common.ts';
import { ClockTime } from './company.ts';
import { contract, event, method } from './kit/define.ts';
import { LineNumber, Trunk } from './telephony.ts';

export const CallWindow = z
  .strictObject({ weekday: z.int().min(1).max(7).describe('1 is Monday.'), from: ClockTime, to: ClockTime })
  .refine(({ from, to }) => from < to, 'from before to; write a window over midnight as two');
const usualWindows = [1, 2, 3, 4, 5].map((weekday) => ({ weekday, from: '09:00', to: '21:00' }));

export const CampaignRules = z.strictObject({
  windows: z.array(CallWindow).min(1).max(50).default(usualWindows).describe('When calls may start, in the time zone of the member.'),
  callsOnHolidays: z.boolean().default(false).describe('Whether the windows also apply on the days of CAMPAIGN_HOLIDAYS.'),
  timeZone: TimeZone.nullable()
    .default(null)
    .describe('Time zone of members without one whose number does not tell it. Without it, they are held.'),
  needsConsent: z.boolean().default(true).describe('Whether only members with recorded consent are called.'),
  approval: z.enum(['none', 'staff']).default('none').describe('staff: each call waits for approval.'),
  trunk: Trunk.nullable().default(null).describe('Without it, the first trunk of the gateway.'),
  line: LineNumber.nullable().default(null).describe('The number of this system that members see. Without it, that of the trunk.'),
  inFlight: z.int().min(1).max(1_000).default(1).describe('Maximum calls at a time: how many agents are free.'),
  perHour: z.int().min(1).max(100_000).default(60).describe('Maximum calls that are started within an hour.'),
  attempts: z.int().min(1).max(10).default(3).describe('Maximum calls to a member.'),
  busyRetryMs: z.int().min(60_000).max(86_400_000).default(600_000).describe('Time from a busy line, or a failed call, to the next call.'),
  machineRetries: z.int().min(0).max(9).default(1).describe('Calls to a member after a machine answered.'),
});
/** `stopping`: no call is started any more, and some have not ended. */
export const CampaignState = z.enum(['draft', 'running', 'paused', 'stopping', 'completed', 'stopped']);
/**
 * `dialling`: a call was sent and has not ended. `not_answered`: all attempts were used. `refused`: the member rejected the call.
 * `not_allowed`: the member is on the do-not-call list, or a person rejected the call. `review`: a person must act.
 */
export const MemberState = z.enum(['waiting', 'dialling', 'answered', 'not_answered', 'refused', 'not_allowed', 'review']);
/** Why a member is in its state: the last outcome, or `do_not_call`, `no_consent`, `unknown_zone`, `no_window`, `unknown_outcome` and others. */
const Reason = z.string().min(1).max(64);
const count = z.int().min(0).max(1_000_000_000);

/** Members by state. */
const MemberCounts = z.object({
  waiting: count,
  dialling: count,
  answered: count,
  notAnswered: count,
  refused: count,
  notAllowed: count,
  review: count,
});

export const Campaign = z.object({
  campaignId: Id,
  name: Line,
  state: CampaignState,
  rules: CampaignRules.nullable().describe('Null if they are unreadable; then no member is called.'),
  counts: MemberCounts,
  holds: z
    .array(z.object({ reason: Reason, members: count.describe('0: the whole campaign.'), since: Timestamp }))
    .max(100)
    .describe('Why members, or the whole campaign, are not called until a person acts.'),
  nextAt: Timestamp.nullable().describe('When the next member is due; it is called then if it is inside its window.'),
  createdBy: Actor,
  createdAt: Timestamp,
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
});
export const Member = z.object({
  memberId: Id,
  campaignId: Id,
  phoneNumber: Phone,
  name: PersonName.nullable(),
  leadId: Id.nullable(),
  timeZone: TimeZone.nullable().describe('Null: that of the number.'),
  consent: Line.nullable(),
  state: MemberState,
  reason: Reason.nullable(),
  attempts: z.int().min(0).describe('Calls that counted.'),
  dueAt: Timestamp.nullable().describe('Set while waiting: not called earlier.'),
  callId: Id.nullable().describe('The last call.'),
});
/** Checked one by one, so that one bad member does not refuse the others. */
const NewMember = z.strictObject({
  line: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe('Line of the file, for errors. Default: the position in the request, from 1.'),
  phoneNumber: z.string().max(64).meta({ pii: 'phone' }),
  name: z.string().max(200).nullish().meta({ pii: 'name' }),
  leadId: z.string().max(200).nullish(),
  timeZone: z.string().max(200).nullish().describe('Default: the zone of the number.'),
  consent: z.string().max(400).nullish().describe('Evidence of the consent to be called: a document or a record, without personal data.'),
});

const one = z.strictObject({ campaignId: Id });
const roles = ['operator', 'gateway'] as const;
const readers = ['manager', 'director', 'admin'] as const;
const deciders = ['director', 'admin'] as const;
const wrongState = { wrong_state: 'failed_precondition' } as const;
const change = (verb: string) => ({ route: `POST /api/v1/campaigns/{campaignId}/${verb}`, scope: 'send', people: deciders }) as const;

export const campaigns = contract('campaigns', '1.0.0', {
  create_campaign: method({
    summary: 'Create a campaign without members. Nobody is called before start_campaign.',
    input: z.strictObject({ name: Line, rules: CampaignRules.prefault({}), onBehalfOf: OnBehalfOf }),
    output: Campaign,
    idempotency: 'keyed',
    roles,
    unhashed: ['onBehalfOf'],
    http: { route: 'POST /api/v1/campaigns', scope: 'send', people: deciders, actor: 'onBehalfOf' },
    examples: [{ name: 'Весенняя акция', rules: { windows: [{ weekday: 1, from: '10:00', to: '18:00' }], inFlight: 5 } }],
  }),
  add_members: method({
    summary:
      'Add up to 500 members. A phone is added once; a repeat adds a missing zone or consent. Bad members are reported, the others added.',
    input: one.extend({ members: z.array(NewMember).min(1).max(500) }),
    output: z.object({
      added: count,
      updated: count.describe('Members that were there already and got a zone, a consent, a lead or a name.'),
      repeated: count.describe('Members that were there already.'),
      held: count.describe('Of the added and updated ones, those that are in review.'),
      errors: z.array(z.object({ line: z.int().min(1), field: z.string().max(32), expected: z.string().max(200) })).max(500),
    }),
    idempotency: 'idempotent',
    timeoutMs: 30_000,
    roles,
    errors: wrongState,
    http: change('members'),
    examples: [{ campaignId: 'cmp_1', members: [{ phoneNumber: '+74232200000', consent: 'договор 17' }] }],
  }),
  start_campaign: method({
    summary: 'Start to call the members of a campaign. A repeat has no effect.',
    input: one,
    output: Campaign,
    idempotency: 'idempotent',
    reaches: 'customer',
    roles,
    errors: { ...wrongState, no_members: 'failed_precondition' },
    http: change('start'),
  }),
  pause_campaign: method({
    summary: 'Start no further call, and withdraw those that have not begun. A repeat has no effect.',
    input: one,
    output: Campaign,
    idempotency: 'idempotent',
    roles,
    errors: wrongState,
    http: change('pause'),
  }),
  resume_campaign: method({
    summary: 'Continue a paused campaign. A repeat has no effect.',
    input: one,
    output: Campaign,
    idempotency: 'idempotent',
    reaches: 'customer',
    roles,
    errors: wrongState,
    http: change('resume'),
  }),
  stop_campaign: method({
    summary: 'End a campaign for good: withdraw calls that have not begun. Calls that go on are not hung up. A repeat has no effect.',
    input: one,
    output: Campaign,
    idempotency: 'idempotent',
    roles,
    errors: wrongState,
    http: change('stop'),
  }),
  get_campaign: method({
    summary: 'Get a campaign with its progress.',
    input: one,
    output: Campaign,
    idempotency: 'read',
    http: { route: 'GET /api/v1/campaigns/{campaignId}', people: readers },
  }),
  list_campaigns: method({
    summary: 'List campaigns, newest first.',
    input: z.strictObject({ state: CampaignState.optional(), ...PageInput }),
    output: pageOf(Campaign),
    idempotency: 'read',
    http: { route: 'GET /api/v1/campaigns', people: readers },
  }),
  list_members: method({
    summary: 'List the members of a campaign in the order in which they were added.',
    input: one.extend({ state: MemberState.optional(), viewer: Viewer, ...PageInput }),
    output: pageOf(Member),
    idempotency: 'read',
    http: { route: 'GET /api/v1/campaigns/{campaignId}/members', viewer: 'viewer', people: readers },
  }),
  erase_members: method({
    summary: 'Erase a phone from all campaigns: its members, and its calls that have not begun.',
    input: z.strictObject({ phoneNumber: Phone }),
    output: z.object({ erased: count }),
    idempotency: 'idempotent',
    roles,
    http: { route: 'POST /api/v1/campaigns/erase_members', people: ['admin'] },
  }),
  campaign_held: event({
    summary: 'Members of a campaign, or all of them, are not called until a person acts. Once for each reason.',
    payload: z.object({ campaignId: Id, reason: Reason, at: Timestamp }),
    key: 'campaignId',
  }),
  campaign_ended: event({
    summary: 'A campaign has ended: each member that may be called was, or it was stopped.',
    payload: z.object({ campaignId: Id, outcome: z.enum(['completed', 'stopped']), counts: MemberCounts, at: Timestamp }),
    key: 'campaignId',
  }),
});
