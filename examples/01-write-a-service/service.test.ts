import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type World, world } from '../../test/kit/world.ts';
import { greetings } from './contract.ts';
import served from './service.ts';

let it: World;
beforeAll(async () => {
  it = await world();
  await it.start('greeter', served);
});
afterAll(() => it?.stop());

test('greets by name, in Russian unless another language is given', async () => {
  expect(await it.bus.call(greetings.greet, { name: 'Иван' })).toEqual({ text: 'Здравствуйте, Иван!' });
  expect(await it.bus.call(greetings.greet, { name: 'Ivan', language: 'en' })).toEqual({ text: 'Hello, Ivan!' });
});

test('refuses an empty name before anything is done', async () => {
  await expect(it.bus.call(greetings.greet, { name: '' })).rejects.toMatchObject({ code: 'invalid_argument' });
});
