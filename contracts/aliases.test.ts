import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { aliases, applyAlias } from './aliases.ts';
import { calls } from './calls.ts';
import { crm } from './crm.ts';
import { dialog } from './dialog.ts';
import { inbox } from './inbox.ts';
import { alias } from './kit/define.ts';
import { reshape } from './kit/legacy-body.ts';

/** The reply of the first push_to_crm, and the current one. */
const old = {
  status: 'pushed',
  crm_id: { status: 'success', resData: { id: '65021a1e47d57e2ac', phoneNumber: '79995553322', createdById: '1' } },
};
const whole = { ...old, leadId: '65021a1e47d57e2ac', contactId: 'c1', phoneNumber: '+79995553322', createdById: '1', created: true };
const start = { leadId: '65021a1e47d57e2ac', phoneNumber: '+79995553322', createdById: '1' };

test.each([
  ['the old reply by the old name', 'call_orchestrator.start_call', old],
  ['our whole reply by the old name', 'call_orchestrator.start_call', whole],
  ['the flat fields by the old name', 'call_orchestrator.start_call', start],
  ['our whole reply by the new name', 'calls.start_call', whole],
  ['the flat fields by the new name', 'calls.start_call', start],
])('starts one and the same call from %s', (_, name, body) => {
  const { address, body: input } = applyAlias(name, body);
  expect(address).toBe('calls.start_call');
  expect(calls.start_call.input.parse(input)).toEqual(start);
});

test('our reply to push_to_crm is the one that the old start_call reads', () => {
  expect(crm.push_to_crm.output.parse(whole)).toEqual(whole);
});

test('a lead of the old route becomes a push', () => {
  const { address, body } = applyAlias('POST /leads', {
    title: 'Новый лид',
    name: 'Иван Иванов',
    phone: '+7 (999) 123-45-67',
    source: 'phone_call',
  });
  expect(address).toBe('crm.push_to_crm');
  expect(crm.push_to_crm.input.parse(body)).toEqual({
    firstName: 'Иван Иванов',
    phoneNumber: '+79991234567',
    source: 'phone_call',
    comment: 'Новый лид',
  });
});

test('a request of the old dialog becomes a message or a choice', () => {
  const { address, body } = applyAlias('POST /dialog', { session_id: 'test-123', user_message: 'Привет! Расскажи о ваших продуктах' });
  expect(address).toBe('dialog.dialog');
  expect(dialog.dialog.input.parse(body)).toEqual({ sessionId: 'test-123', message: 'Привет! Расскажи о ваших продуктах' });
  const chosen = applyAlias('POST /dialog', { session_id: 'test-123', choice: 'c_1' }).body;
  expect(dialog.dialog.input.parse(chosen)).toEqual({ sessionId: 'test-123', choice: 'c_1' });
});

test('only a message of the old universal endpoint waits for the reply by default', () => {
  const old = { company_id: 'salon', channel: 'website', user_id: 'v1', text: 'Привет' };
  expect(applyAlias('POST /api/v1/messages', old).body).toEqual({ from: 'v1', text: 'Привет', waitMs: 30_000 });
  expect(applyAlias('POST /api/v1/messages', { ...old, wait_ms: 500 }).body).toMatchObject({ waitMs: 500 });
  const own = { from: 'v1', text: 'Привет' };
  expect(applyAlias('POST /api/v1/messages', own).body).toEqual(own);
});

test('a body in the own fields of the method passes an old route as it is', () => {
  const push = { firstName: 'Иван', phoneNumber: '+79995553322', source: 'website' };
  expect(applyAlias('POST /leads', push).body).toBe(push);
});

test('a method does not take the body of an old route by its own name', () => {
  const body = { name: 'Иван', phone: '+79995553322' };
  expect(applyAlias('crm.push_to_crm', body).body).toBe(body);
});

test('a name without an alias comes back as it came', () => {
  expect(applyAlias('crm.find_contact', 7)).toEqual({ address: 'crm.find_contact', body: 7 });
});

test('what a body inherits is not taken for its field', () => {
  const body = Object.create({ old: { id: 'l1' } }) as object;
  expect(reshape({ leadId: 'old.id' }, body)).toBe(body);
});

test('an old body that lacks a field is refused by the method, which names the field', () => {
  const { body } = applyAlias('call_orchestrator.start_call', { crm_id: { resData: { id: 'l1', __proto__: { phoneNumber: '1' } } } });
  expect(calls.start_call.input.safeParse(body).error?.message).toContain('phoneNumber');
});

test('every path of an alias stands in its old body and leads to a field of the method', () => {
  for (const { from, to, body, fields = {} } of aliases)
    for (const [field, path] of Object.entries(fields)) {
      expect([from, Object.keys((to.input as z.ZodObject).shape)]).toEqual([from, expect.arrayContaining([field])]);
      expect([from, body]).toEqual([from, expect.anything()]);
      const end = path
        .split('.')
        .reduce<z.ZodType | undefined>((at, name) => (at as z.ZodObject | undefined)?.shape[name] as z.ZodType, body);
      expect([from, path, end]).toEqual([from, path, expect.anything()]);
    }
});

test('a path that does not exist or holds another type does not compile', () => {
  const body = z.object({ a: z.object({ id: z.string(), n: z.number() }) });
  alias('x', calls.get_call, { body, fields: { callId: 'a.id' } });
  // @ts-expect-error no such path
  alias('x', calls.get_call, { body, fields: { callId: 'a.idd' } });
  // @ts-expect-error a number is not an id
  alias('x', calls.get_call, { body, fields: { callId: 'a.n' } });
  // @ts-expect-error the method's required field is missing
  alias('x', calls.get_call, { body, fields: {} });
});

test('what an old route implies cannot be changed by the body, what it may leave out can be said', () => {
  expect(applyAlias('GET /api/v1/sandbox/pending', { limit: 5, view: 'all' }).body).toEqual({
    limit: 5,
    view: 'approvals',
    show: 'revealed',
  });
  expect(applyAlias('POST /api/v1/sandbox/{id}/reject', { id: 'row_1' }).body).toEqual({ id: 'row_1', why: 'not wanted' });
  expect(applyAlias('POST /api/v1/sandbox/{id}/reject', { id: 'row_1', why: 'tone' }).body).toEqual({ id: 'row_1', why: 'tone' });
});

test('the former webhook methods become deliveries of their channel', () => {
  const delivery = { headers: { 'x-secret': 's' }, body: Buffer.from('{}') };
  expect(applyAlias('inbox.telegram_webhook', { bot: '7', ...delivery })).toEqual({
    address: 'inbox.channel_webhook',
    body: { channel: 'telegram', bot: '7', ...delivery },
  });
  const { address, body } = applyAlias('inbox.whatsapp_verify', { 'hub.mode': 'subscribe', 'hub.challenge': '7' });
  expect([address, inbox.channel_webhook.input.parse(body)]).toEqual([
    'inbox.channel_webhook',
    { channel: 'whatsapp', query: { 'hub.mode': 'subscribe', 'hub.challenge': '7' }, headers: {} },
  ]);
  const own = { channel: 'telegram', ...delivery };
  expect(applyAlias('inbox.channel_webhook', own).body).toBe(own);
});
