/** What each role is shown of chats of its own, of another and of nobody, on every route that reads. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calls } from '../../../contracts/calls.ts';
import { campaigns } from '../../../contracts/campaigns.ts';
import { crm } from '../../../contracts/crm.ts';
import { inbox } from '../../../contracts/inbox.ts';
import { messages } from '../../../contracts/messages.ts';
import { people } from '../../../contracts/people.ts';
import { type Client, type GatewayWorld, gatewayWorld, type LoggedIn } from '../../../test/kit/gateway.ts';
import { until } from '../../../test/kit/world.ts';

const canaries = { own: 'канарейкасвоя', other: 'канарейкачужая', nobody: 'канарейканичья' } as const;
type Whose = keyof typeof canaries;
const whose = Object.keys(canaries) as Whose[];
const phones: Readonly<Record<Whose, string>> = { own: '+79990001101', other: '+79990001102', nobody: '+79990001103' };
type Ids = Readonly<Record<'chatId' | 'messageId' | 'customerId' | 'id' | 'sessionId' | 'callId' | 'leadId' | 'campaignId', string>>;

let it: GatewayWorld;
let vera: LoggedIn;
let operator: LoggedIn;
let director: LoggedIn;
let key: Client;
let ids: Readonly<Record<Whose, Ids>>;
let routes: readonly string[];
beforeAll(async () => {
  it = await gatewayWorld(
    [
      'collector',
      'journal',
      'sender',
      'intent-classifier',
      'dialog-orchestrator',
      'crm-connector',
      'call-orchestrator',
      'telephony-gateway',
      'campaigns',
    ],
    { DIALOG_MODE: 'draft' },
  );
  [vera, operator, director] = [await it.person('manager'), await it.person('operator'), await it.person('director')];
  const oleg = await it.person('manager');
  key = await it.client('admin');
  const stored = async (one: Whose): Promise<Ids> => {
    const text = `Срочно! Где мой заказ, ${canaries[one]}?`;
    const { chatId, messageId } = await it.world.bus.call(
      inbox.put_message,
      { from: one, name: `Имя ${canaries[one]}`, phoneNumber: phones[one], text },
      { key: one },
    );
    const owner = { own: vera.personId, other: oleg.personId, nobody: null }[one];
    if (owner !== null) await it.world.bus.call(inbox.assign_chat, { chatId, personId: owner });
    const { id } = await it.world.bus.call(messages.send_message, { chatId, text: `Ответ ${canaries[one]}` }, { key: `draft ${one}` });
    const { items } = await it.world.bus.call(inbox.list_messages, { chatId });
    const phoneNumber = phones[one];
    const { leadId } = await it.world.bus.call(crm.push_to_crm, { firstName: `Имя ${canaries[one]}`, phoneNumber }, { key: `lead ${one}` });
    const { callId } = await it.world.bus.call(calls.start_call, { leadId, phoneNumber }, { key: `call ${one}` });
    const { campaignId } = await it.world.bus.call(campaigns.create_campaign, { name: 'Весна' }, { key: `campaign ${one}` });
    await it.world.bus.call(campaigns.add_members, { campaignId, members: [{ phoneNumber, name: `Имя ${canaries[one]}` }] });
    return { chatId, messageId, id, sessionId: chatId, customerId: items.at(-1)?.sender?.customerId ?? '', callId, leadId, campaignId };
  };
  ids = { own: await stored('own'), other: await stored('other'), nobody: await stored('nobody') };
  // Every copy of who is in charge has arrived, and each message is classified.
  for (const table of ['journal.chat_owners', 'gateway.chat_owners'])
    await until(async () => (await it.world.store.query(`select from ${table} where person_id is not null`)).length >= 2 || null);
  for (const schema of ['call_orchestrator', 'crm_connector', 'gateway', 'campaigns'])
    await until(
      async () => (await it.world.store.query(`select from ${schema}.phone_owners where person_ids <> '{}'`)).length >= 2 || null,
    );
  await until(
    async () =>
      (await it.world.store.query('select from collector.messages where intent is null and direction = $1', ['in'])).length === 0 || null,
  );
  const listed = await it.world.bus.call(people.permissions, {});
  routes = listed.routes
    .map(({ route }) => route)
    // A stream does not end: stream-route.test.ts has who may open which.
    .filter((route) => route.startsWith('GET /api/v1/') && !route.endsWith('/watch'))
    .map((route) => route.slice('GET '.length));
});
afterAll(() => it?.stop());

/** The paths of a route, for the things of each. A route without an id is one path, searched for each canary too. */
function pathsOf(route: string): readonly string[] {
  const names = [...route.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  if (names.length === 0) return [route, ...whose.map((one) => `${route}?q=${encodeURIComponent(canaries[one])}`)];
  return whose.map((one) => route.replace(/\{(\w+)\}/g, (_, name: keyof Ids) => ids[one][name] ?? '0'));
}
/** Where anything of `one` is seen: its words, its phone. */
async function sightings(ask: Client, one: Whose): Promise<readonly string[]> {
  const seen: string[] = [];
  for (const route of routes)
    for (const path of pathsOf(route)) {
      const { status, body } = await ask('GET', path);
      const text = JSON.stringify(body);
      if (status === 200 && (text.includes(canaries[one]) || text.includes(phones[one].slice(1)))) seen.push(path);
    }
  return seen;
}

test('a manager is shown what is theirs and nobody’s on every route, and nothing of another manager on any', async () => {
  expect(await sightings(vera.ask, 'other')).toEqual([]);
  for (const one of ['own', 'nobody'] as const) {
    const seen = await sightings(vera.ask, one);
    expect(seen).toEqual(
      expect.arrayContaining([
        ...[`/api/v1/messages`, `/api/v1/messages/${ids[one].messageId}`, `/api/v1/chats/${ids[one].chatId}`],
        ...['/api/v1/calls', `/api/v1/calls/${ids[one].callId}`, '/api/v1/crm/leads', `/api/v1/campaigns/${ids[one].campaignId}/members`],
      ]),
    );
  }
});

test('an operator is shown nothing of anybody, and a director and a key everything', async () => {
  for (const one of whose) expect([one, await sightings(operator.ask, one)]).toEqual([one, []]);
  // Without these, the tests above would pass on routes that show nothing at all.
  for (const ask of [director.ask, key]) {
    const seen = await sightings(ask, 'other');
    expect(seen).toEqual(
      expect.arrayContaining([
        '/api/v1/messages',
        '/api/v1/clients',
        '/api/v1/calls',
        `/api/v1/calls/${ids.other.callId}`,
        '/api/v1/crm/leads',
        `/api/v1/chats/${ids.other.chatId}`,
        `/api/v1/messages/${ids.other.messageId}`,
        `/api/v1/clients/${ids.other.customerId}`,
        `/api/v1/clients/${ids.other.customerId}/messages`,
        `/api/v1/clients/${ids.other.customerId}/history`,
        `/api/v1/clients?q=${encodeURIComponent(canaries.other)}`,
      ]),
    );
  }
});

test('a manager cannot decide on a draft in another’s chat, nor write, assign or answer there, nor use the phone of its client', async () => {
  const { id, chatId, leadId } = ids.other;
  const phoneNumber = phones.other;
  const acts: readonly (readonly [string, object])[] = [
    [`/api/v1/sandbox/${id}/approve`, {}],
    [`/api/v1/sandbox/${id}/reject`, { why: 'x' }],
    [`/api/v1/sandbox/${id}/claim`, {}],
    [`/api/v1/journal/${id}/approve`, {}],
    [`/api/v1/journal/${id}/hold`, {}],
    [`/api/v1/chats/${chatId}/assign`, { personId: vera.personId }],
    [`/api/v1/chats/${chatId}/owner`, { owner: 'off' }],
    ['/api/v1/send', { chatId, text: 'чужому' }],
    [`/api/v1/dialogs/${chatId}/mode`, { mode: 'off' }],
    [`/api/v1/chats/${chatId}/consents`, { isGiven: false }],
    [`/api/v1/clients/${ids.other.customerId}/merge`, { into: ids.own.customerId }],
    [`/api/v1/clients/${ids.own.customerId}/merge`, { into: ids.other.customerId }],
    ['/api/v1/calls', { leadId, phoneNumber }],
    ['/api/v1/calls/forbid_calls', { phoneNumber, reason: 'x' }],
    ['/api/v1/crm/push', { firstName: 'Имя', phoneNumber }],
    ['/api/v1/crm/find_contact', { phoneNumber }],
    ['/api/v1/booking/clients', { name: 'Имя', phoneNumber }],
    ['/api/v1/booking/appointments', { slotId: 'slot', client: { name: 'Имя', phoneNumber } }],
    ['/api/v1/pipelines/lead_to_call', { firstName: 'Имя', phoneNumber: phoneNumber.replace('+7', '8') }],
  ];
  for (const list of ['deals', 'tasks']) {
    const path = (phone: string): string => `/api/v1/crm/${list}?phoneNumber=${encodeURIComponent(phone)}`;
    expect([(await vera.ask('GET', path(phoneNumber))).status, (await vera.ask('GET', path(phones.own))).status]).toEqual([404, 200]);
  }
  const statuses = await Promise.all(acts.map(async ([path, body]) => [path, (await vera.ask('POST', path, body)).status]));
  expect(statuses).toEqual(acts.map(([path]) => [path, 404]));
});
