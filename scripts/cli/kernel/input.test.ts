import { expect, test } from '@jest/globals';
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { type Catalogue, findMethod } from './catalogue.ts';
import { tell } from './failure.ts';
import { makeInput } from './input.ts';

const start: EntryFact = {
  address: 'calls.start_call',
  service: 'calls',
  name: 'start_call',
  kind: 'method',
  summary: 'Call.',
  version: '1.2.0',
  hash: '',
  input: {
    type: 'object',
    additionalProperties: false,
    required: ['leadId', 'phoneNumber'],
    properties: {
      leadId: { type: 'string' },
      phoneNumber: { type: 'string', pii: 'phone', examples: ['+79995553322'] },
      tries: { type: 'integer' },
    },
  },
};
const find: EntryFact = { ...start, address: 'crm.find_contact', service: 'crm', name: 'find_contact' };
const ended: EntryFact = { ...start, address: 'calls.call_ended', name: 'call_ended', kind: 'event' };
const catalogue: Catalogue = {
  entries: { 'calls.start_call': start, 'crm.find_contact': find, 'calls.call_ended': ended },
  aliases: [
    {
      from: 'call_orchestrator.start_call',
      to: 'calls.start_call',
      fields: { leadId: 'crm_id.resData.id', phoneNumber: 'crm_id.resData.phoneNumber' },
    },
  ],
  pipelines: {},
};
const nested = { status: 'pushed', crm_id: { status: 'success', resData: { id: '65', phoneNumber: '79995553322' } }, leadId: '65' };

async function refusedAs(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (isPolybError(error)) return tell(error).join('\n');
    throw error;
  }
  throw new Error('was not refused');
}

test('a bare name, a pinned one and an older one mean the same method', async () => {
  for (const typed of ['calls.start_call', 'start_call', 'calls@1.start_call', 'call_orchestrator.start_call'])
    expect((await findMethod(catalogue, typed)).entry).toBe(start);
});

test('another major version than the pinned one is refused', async () => {
  expect(await refusedAs(() => findMethod(catalogue, 'calls@2.start_call'))).toContain(
    'expected calls version 2; the contract is 1.2.0 (nothing was sent)',
  );
});

test('an unknown method is refused with the nearest names, and an event says how to hear it', async () => {
  const unknown = await refusedAs(() => findMethod(catalogue, 'calls.start_cal'));
  expect(unknown).toContain('there is no method calls.start_cal (nothing was sent)');
  expect(unknown).toContain('close: calls.start_call');
  expect(await refusedAs(() => findMethod(catalogue, 'calls.call_ended'))).toContain('polyb listen calls.call_ended');
});

test('a service that the contracts do not know is asked on the bus, by its name', async () => {
  const greet = { ...start, address: 'greeter.greet', service: 'greeter', name: 'greet' };
  const asked: string[] = [];
  const ask = async (service: string) => {
    asked.push(service);
    return service === 'greeter' ? [greet] : [];
  };
  expect((await findMethod(catalogue, 'greeter.greet', { bus: ask })).entry).toBe(greet);
  expect(await refusedAs(() => findMethod(catalogue, 'greeter.gret', { bus: ask }))).toContain('close: greeter.greet');
  expect(await refusedAs(() => findMethod(catalogue, 'calls.nothing', { bus: ask }))).toContain('there is no method calls.nothing');
  expect(asked).toEqual(['greeter', 'greeter']);
});

test('the whole reply of push_to_crm is taken by start_call, under its own name and the older one', () => {
  for (const typed of ['start_call', 'calls.start_call', 'call_orchestrator.start_call'])
    expect(makeInput({ catalogue, entry: start, typed }, nested, [])).toEqual({ leadId: '65', phoneNumber: '79995553322' });
  expect(makeInput({ catalogue, entry: start, typed: 'start_call' }, { leadId: '7', phoneNumber: '+79995553322' }, ['leadId=8'])).toEqual({
    leadId: '8',
    phoneNumber: '+79995553322',
  });
});

test('missing and unknown fields are named before anything is sent', async () => {
  const text = await refusedAs(() => makeInput({ catalogue, entry: start, typed: 'start_call' }, { phoneNumbr: 'x' }, []));
  expect(text).toContain('(nothing was sent)');
  expect(text).toMatch(/leadId +expected string; got nothing/);
  expect(text).toMatch(/phoneNumber expected string, e.g. \+79995553322; got nothing/);
  expect(text).toMatch(/phoneNumbr +expected phoneNumber\?; got a field that the method does not have/);
  expect(text).toContain('polyb describe calls.start_call');
});

test('a text that is no number is refused where the schema wants one', async () => {
  const text = await refusedAs(() =>
    makeInput({ catalogue, entry: start, typed: 'start_call' }, undefined, ['leadId=0033', 'phoneNumber=+7', 'tries=many']),
  );
  expect(text).toContain('tries');
  expect(text).toContain('(nothing was sent)');
});
