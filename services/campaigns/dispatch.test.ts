import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calls } from '../../contracts/calls.ts';
import { campaigns } from '../../contracts/campaigns.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { type TestStore, testStore } from '../../test/kit/store.ts';
import { type Fixture, fixture, noon } from './fixture.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

const consent = 'договор 17';
/** 12:00 in Moscow is 11:00 in Kaliningrad and 19:00 in Vladivostok. */
const moscow = '+74951234567';
const kaliningrad = '+74012000001';
const vladivostok = '+74232000001';
const member = (phoneNumber: string, more: object = {}) => ({ phoneNumber, consent, ...more });
const daily = (from: string, to: string) => [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, from, to }));
const stateOf = async (on: Fixture, campaignId: string, phone: string) => {
  const found = await on.member(campaignId, phone);
  return [found?.state, found?.reason];
};
const progress = (on: Fixture, campaignId: string) => on.ask(campaigns.get_campaign, { campaignId });
const told = (on: Fixture, event: string) => on.emitted.filter((each) => each.event === event).map(({ payload }) => payload);

test('a call is sent with the zone of its member and the end of the window, under the key of campaign, member and attempt', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({}, [member(vladivostok, { leadId: 'lead_7' })]);
  const { memberId } = (await on.member(campaignId, vladivostok)) ?? {};
  expect(on.sent).toEqual([
    {
      method: 'calls.start_call',
      key: `${campaignId}:${memberId}:1`,
      input: { leadId: 'lead_7', phoneNumber: vladivostok, timeZone: 'Asia/Vladivostok', notAfter: '2026-05-05T11:00:00.000Z' },
    },
  ]);
  await on.dispatch();
  expect(on.sent).toHaveLength(1);
  expect(await stateOf(on, campaignId, vladivostok)).toEqual(['dialling', null]);
});

test('members are called inside their windows only, each where it is', async () => {
  const on = await fixture(store);
  await on.started({ windows: daily('09:00', '12:00') }, [member(moscow), member(kaliningrad), member(vladivostok)]);
  expect(on.dialled()).toEqual([kaliningrad]);
  on.at('2026-05-05T22:59:59Z');
  await on.dispatch();
  expect(on.dialled()).toEqual([kaliningrad]);
  on.at('2026-05-05T23:00:00Z');
  await on.dispatch();
  expect(on.dialled()).toEqual([kaliningrad, vladivostok]);
  on.at('2026-05-06T06:00:00Z');
  await on.dispatch();
  expect(on.dialled()).toEqual([kaliningrad, vladivostok, moscow]);
});

test('a member with a zone of its own is called there, whatever its number says', async () => {
  const on = await fixture(store);
  await on.started({ windows: daily('18:00', '20:00') }, [member(moscow, { timeZone: 'Asia/Vladivostok' }), member('+74951234568')]);
  expect(on.dialled()).toEqual([moscow]);
});

test('a mobile number without a zone is called when all of Russia may be, or in the zone of the campaign', async () => {
  const on = await fixture(store);
  const mobile = '+79995553322';
  await on.started({}, [member(mobile)]);
  expect(on.dialled()).toEqual([]);
  on.at('2026-05-06T07:00:00Z');
  await on.dispatch();
  expect(on.dialled()).toEqual([mobile]);
  const other = await fixture(store);
  await other.started({ timeZone: 'Europe/Moscow' }, [member(mobile)]);
  expect(other.dialled()).toEqual([mobile]);
});

test('on a holiday nobody is called, unless the campaign says so', async () => {
  const on = await fixture(store, { CAMPAIGN_HOLIDAYS: '05-05' });
  await on.started({}, [member(moscow)]);
  expect(on.dialled()).toEqual([]);
  await on.started({ callsOnHolidays: true }, [member(kaliningrad)]);
  expect(on.dialled()).toEqual([kaliningrad]);
});

test('a phone on the do-not-call list is not called: one that was there before this service, one that came since, but one that left', async () => {
  const on = await fixture(store);
  const left = '+74951234568';
  on.list.phones = [moscow, left];
  await on.started({}, [member(vladivostok)]);
  on.clock.ms += 1;
  await on.forbidden(kaliningrad);
  await on.forbidden(left, false);
  const campaignId = await on.started({}, [member(moscow), member(kaliningrad), member(left)]);
  expect(on.dialled()).toEqual([vladivostok, left]);
  for (const phone of [moscow, kaliningrad]) expect(await stateOf(on, campaignId, phone)).toEqual(['not_allowed', 'do_not_call']);
});

test('an older change of the do-not-call list has no effect, and one that was missed is found when the list is read again', async () => {
  const on = await fixture(store);
  await on.started({}, [member(vladivostok)]);
  on.clock.ms += 1_000;
  await on.forbidden(moscow);
  on.clock.ms -= 1;
  await on.forbidden(moscow, false);
  await on.forbidden(kaliningrad);
  await on.started({}, [member(moscow), member(kaliningrad)]);
  expect(on.dialled()).toEqual([vladivostok]);
  on.clock.ms += 400_000;
  on.list.phones = [moscow];
  await on.started({}, [member(moscow), member(kaliningrad)]);
  expect(on.dialled()).toEqual([vladivostok, kaliningrad]);
});

test('while the do-not-call list cannot be read nobody is called, and it is reported once', async () => {
  const on = await fixture(store);
  on.list.fails = new PolybError('unavailable', 'not now');
  const campaignId = await on.started({}, [member(moscow)]);
  await on.dispatch();
  expect(on.dialled()).toEqual([]);
  expect((await progress(on, campaignId)).holds).toMatchObject([{ reason: 'list_unreadable', members: 0 }]);
  expect(told(on, 'campaigns.campaign_held')).toEqual([{ campaignId, reason: 'list_unreadable', at: '2026-05-05T09:00:00.000Z' }]);
  delete on.list.fails;
  await on.dispatch();
  expect(on.dialled()).toEqual([moscow]);
  expect((await progress(on, campaignId)).holds).toEqual([]);
});

test('a list that was read too long ago is no list', async () => {
  const on = await fixture(store, { CAMPAIGN_LIST_MAX_AGE_MS: '15m' });
  await on.started({ inFlight: 1 }, [member(moscow), member(kaliningrad)]);
  on.list.fails = new PolybError('unavailable', 'not now');
  await on.ended('answered');
  on.clock.ms += 15 * 60_000;
  await on.dispatch();
  expect(on.dialled()).toHaveLength(2);
  await on.ended('busy');
  on.clock.ms += 10 * 60_000;
  await on.dispatch();
  expect(on.dialled()).toHaveLength(2);
});

test('a member without consent, without a zone or without any window is held for a person, and each reason is reported once', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({ windows: daily('10:00', '11:00') }, [
    { phoneNumber: moscow },
    member('+4930123456'),
    member('+4930123457'),
    member('+79995553322'),
    member(kaliningrad, { timeZone: 'Asia/Vladivostok' }),
  ]);
  expect(on.dialled()).toEqual([]);
  expect((await progress(on, campaignId)).holds).toMatchObject(
    expect.arrayContaining([
      { reason: 'no_consent', members: 1, since: expect.any(String) },
      { reason: 'unknown_zone', members: 2, since: expect.any(String) },
      { reason: 'no_window', members: 1, since: expect.any(String) },
    ]),
  );
  expect(told(on, 'campaigns.campaign_held').map((each) => (each as { reason: string }).reason)).toEqual([
    'no_consent',
    'unknown_zone',
    'no_window',
  ]);
  const fixed = [member(moscow), member('+4930123456', { timeZone: 'Europe/Berlin' })];
  expect(await on.ask(campaigns.add_members, { campaignId, members: fixed })).toMatchObject({ updated: 2, held: 0 });
  expect((await progress(on, campaignId)).counts).toMatchObject({ waiting: 3, review: 2 });
});

test('consent that a member lost is seen in the transaction that sends', async () => {
  const on = await fixture(store);
  const campaignId = await on.create({}, [member(moscow)]);
  await store.db.query('update campaigns.members set consent = null');
  await on.ask(campaigns.start_campaign, { campaignId });
  await on.dispatch();
  expect(on.dialled()).toEqual([]);
  expect(await stateOf(on, campaignId, moscow)).toEqual(['review', 'no_consent']);
});

test.each([
  ['rules', `update campaigns.campaigns set rules = '{"windows": "always"}'`, 'rules_unreadable'],
  ['a zone', `update campaigns.members set time_zone = 'Mars/Base'`, 'unknown_zone'],
])('with %s that became unreadable nobody is called, and it is reported', async (_, spoil, reason) => {
  const on = await fixture(store);
  const campaignId = await on.create({}, [member(moscow)]);
  await on.ask(campaigns.start_campaign, { campaignId });
  await store.db.query(spoil);
  await on.dispatch();
  expect(on.dialled()).toEqual([]);
  expect(told(on, 'campaigns.campaign_held')).toMatchObject([{ campaignId, reason }]);
});

const many = Array.from({ length: 9 }, (_, n) => member(`+7495123450${n}`));
test('no more calls are in flight than agents are free, and each end makes room for one', async () => {
  const on = await fixture(store);
  await on.started({ inFlight: 3 }, many);
  expect(on.sent).toHaveLength(3);
  await on.ended('answered');
  await on.dispatch();
  expect(on.sent).toHaveLength(4);
});

test('no more calls begin within an hour than the campaign allows', async () => {
  const on = await fixture(store);
  await on.started({ perHour: 4 }, many);
  expect(on.sent).toHaveLength(4);
  on.clock.ms += 3_599_000;
  await on.dispatch();
  expect(on.sent).toHaveLength(4);
  on.clock.ms += 1_001;
  await on.dispatch();
  expect(on.sent).toHaveLength(8);
});

test('the limit of a trunk holds for all campaigns together', async () => {
  const on = await fixture(store, { CAMPAIGN_TRUNK_CALLS: '3' });
  await on.started({ inFlight: 2, trunk: 'spare' }, many.slice(0, 4));
  await on.started({ inFlight: 2, trunk: 'spare', line: '74950000000' }, many.slice(4));
  expect(on.sent).toHaveLength(3);
  expect(on.sent.at(-1)?.input).toMatchObject({ trunk: 'spare', line: '74950000000' });
  await on.started({ inFlight: 2 }, many.slice(0, 4));
  expect(on.sent).toHaveLength(5);
});

const again = async (on: Fixture, at: string) => {
  const before = on.sent.length;
  on.at(at);
  await on.dispatch();
  return on.sent.length - before;
};
test('after a busy line the member is called again ten minutes later, until its attempts are used', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({ attempts: 3 }, [member(moscow)]);
  await on.ended('busy');
  expect(await again(on, '2026-05-05T09:09:59Z')).toBe(0);
  expect(await again(on, '2026-05-05T09:10:00Z')).toBe(1);
  expect(on.sent.map(({ key }) => key.split(':')[2])).toEqual(['1', '2']);
  await on.ended('failed');
  expect(await again(on, '2026-05-05T09:20:00Z')).toBe(1);
  await on.ended('busy');
  expect(await again(on, '2026-05-06T09:00:00Z')).toBe(0);
  expect(await stateOf(on, campaignId, moscow)).toEqual(['not_answered', 'busy']);
});

test('after no answer the member is called in the next window', async () => {
  const on = await fixture(store);
  await on.started({}, [member(moscow)]);
  await on.ended('no_answer');
  expect(await again(on, '2026-05-05T17:59:59Z')).toBe(0);
  expect(await again(on, '2026-05-06T05:59:59Z')).toBe(0);
  expect(await again(on, '2026-05-06T06:00:00Z')).toBe(1);
});

test('after a machine the member is called once more, in the next window', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({ attempts: 9 }, [member(moscow)]);
  await on.ended('answered', { answeredBy: 'machine' });
  expect(await again(on, '2026-05-05T12:00:00Z')).toBe(0);
  expect(await again(on, '2026-05-06T06:00:00Z')).toBe(1);
  await on.ended('answered', { answeredBy: 'machine' });
  expect(await again(on, '2026-05-07T06:00:00Z')).toBe(0);
  expect(await stateOf(on, campaignId, moscow)).toEqual(['not_answered', 'machine']);
});

test.each([
  ['answered', 'answered', 'answered'],
  ['rejected', 'refused', 'rejected'],
  ['cancelled', 'review', 'cancelled'],
  ['unknown', 'review', 'unknown_outcome'],
] as const)('after a call that was %s the member is never called again', async (outcome, state, reason) => {
  const on = await fixture(store);
  const campaignId = await on.started({}, [member(moscow)]);
  await on.ended(outcome);
  expect(await again(on, '2026-05-06T09:00:00Z')).toBe(0);
  expect(await stateOf(on, campaignId, moscow)).toEqual([state, reason]);
});

test('the end of a call counts once, in either order with the end of its row', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({}, [member(moscow)]);
  const output = { callId: 'call_1', state: 'queued' as const, leadId: 'l', phoneNumber: moscow, createdAt: noon };
  for (const _ of [1, 2]) await on.ended('busy');
  await on.settled('done', { output });
  expect(await on.member(campaignId, moscow)).toMatchObject({ state: 'waiting', attempts: 1, callId: 'call_1' });
  await on.ended('busy', { key: 'of-another' });
  await on.ended('busy', { key: null });
  expect(await on.member(campaignId, moscow)).toMatchObject({ attempts: 1 });
});

test.each([
  ['stale', 'stale', 'waiting', 'window_over'],
  ['expired', null, 'waiting', 'window_over'],
  ['rejected', null, 'not_allowed', 'rejected_by_staff'],
  ['cancelled', null, 'not_allowed', 'cancelled_by_staff'],
  ['failed', 'do_not_call', 'not_allowed', 'do_not_call'],
  ['failed', 'active_call', 'waiting', 'active_call'],
  ['failed', 'internal', 'review', 'internal'],
] as const)('a row that became %s (%s) without a call uses no attempt', async (state, reason, becomes, because) => {
  const on = await fixture(store);
  const campaignId = await on.started({}, [member(moscow)]);
  await on.settled(state, { reason });
  expect(await on.member(campaignId, moscow)).toMatchObject({ state: becomes, reason: because, attempts: 0 });
});

test('a row that missed its window is sent in the next one, under another key', async () => {
  const on = await fixture(store);
  await on.started({}, [member(moscow)]);
  await on.settled('stale', { reason: 'stale' });
  expect(await again(on, '2026-05-05T17:00:00Z')).toBe(0);
  expect(await again(on, '2026-05-06T06:00:00Z')).toBe(1);
  expect(on.sent.at(-1)?.key).toMatch(/:2$/);
});

test('a pause withdraws the calls that have not begun, and after it their members are called', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({ inFlight: 1 }, [member(moscow), member(kaliningrad)]);
  const [{ key } = { key: '' }] = on.sent;
  expect(await on.ask(campaigns.pause_campaign, { campaignId })).toMatchObject({ state: 'paused' });
  expect(await on.rows(key)).toMatchObject([{ state: 'stale' }]);
  await on.settled('stale', { reason: 'stale' });
  expect(await again(on, '2026-05-05T09:30:00Z')).toBe(0);
  await on.ask(campaigns.resume_campaign, { campaignId });
  expect(await again(on, '2026-05-05T09:30:00Z')).toBe(1);
  expect(on.sent.at(-1)?.key).not.toBe(key);
});

test('a row that waits again after the pause is withdrawn by the loop', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({}, [member(moscow)]);
  const [{ key } = { key: '' }] = on.sent;
  const attempting = (state: string) => store.db.query('update journal.rows set state = $2 where key = $1', [key, state]);
  await attempting('attempting');
  await on.ask(campaigns.pause_campaign, { campaignId });
  await attempting('queued');
  await on.dispatch();
  expect(await on.rows(key)).toMatchObject([{ state: 'stale' }]);
});

test('a campaign with approval proposes its calls', async () => {
  const on = await fixture(store);
  await on.started({ approval: 'staff' }, [member(moscow)]);
  expect(await on.rows(on.sent[0]?.key ?? '')).toMatchObject([{ state: 'proposed', approval: 'staff' }]);
});

test('it ends when each member has been called, and says how many', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({}, [member(moscow), { phoneNumber: kaliningrad }]);
  await on.dispatch();
  expect(told(on, 'campaigns.campaign_ended')).toEqual([]);
  await on.ended('answered');
  await on.dispatch();
  const counts = { waiting: 0, dialling: 0, answered: 1, notAnswered: 0, refused: 0, notAllowed: 0, review: 1 };
  expect(told(on, 'campaigns.campaign_ended')).toEqual([{ campaignId, outcome: 'completed', counts, at: '2026-05-05T09:00:00.000Z' }]);
  expect(await progress(on, campaignId)).toMatchObject({ state: 'completed', counts, endedAt: '2026-05-05T09:00:00.000Z' });
  await expect(on.ask(campaigns.add_members, { campaignId, members: [member(vladivostok)] })).rejects.toMatchObject({
    reason: 'wrong_state',
  });
});

test('a stop withdraws what has not begun, waits for what goes on, and is for good', async () => {
  const on = await fixture(store);
  const campaignId = await on.started({ inFlight: 1 }, [member(moscow), member(kaliningrad)]);
  const output = { callId: 'call_1', state: 'queued' as const, leadId: 'l', phoneNumber: moscow, createdAt: noon };
  await on.settled('done', { output });
  expect(await on.ask(campaigns.stop_campaign, { campaignId })).toMatchObject({ state: 'stopping' });
  await on.dispatch();
  expect(await progress(on, campaignId)).toMatchObject({ state: 'stopping', counts: { dialling: 1, waiting: 1 } });
  await on.ended('answered');
  await on.dispatch();
  expect(await progress(on, campaignId)).toMatchObject({ state: 'stopped', counts: { answered: 1, waiting: 1 } });
  expect(told(on, 'campaigns.campaign_ended')).toMatchObject([{ campaignId, outcome: 'stopped' }]);
  for (const method of [campaigns.start_campaign, campaigns.resume_campaign, campaigns.pause_campaign])
    await expect(on.ask(method, { campaignId })).rejects.toMatchObject({ code: 'failed_precondition', reason: 'wrong_state' });
  expect(await on.ask(campaigns.stop_campaign, { campaignId })).toMatchObject({ state: 'stopped' });
  expect(on.sent).toHaveLength(1);
});

test('a turn that fails sends nothing, and its repeat sends each call once', async () => {
  const on = await fixture(store);
  const campaignId = await on.create({}, many);
  await on.ask(campaigns.start_campaign, { campaignId });
  await store.db.query(`alter table campaigns.attempts add constraint full_disk check (key not like '%:1' or key < 'cmp_') not valid`);
  try {
    await on.dispatch();
    expect(on.sent).toEqual([]);
    expect(await store.db.query(`select from journal.rows where method = $1`, [calls.start_call.address])).toEqual([]);
  } finally {
    await store.db.query('alter table campaigns.attempts drop constraint full_disk');
  }
  for (const _ of [1, 2]) await on.dispatch();
  expect(on.dialled().toSorted()).toEqual(many.map(({ phoneNumber }) => phoneNumber));
});
