import { expect, test } from '@jest/globals';
import type { IntentName } from './model.ts';
import { isUrgent } from './urgency.ts';

test.each<[IntentName, string]>([
  ['order', 'срочно нужен букет, через час вручать'],
  ['question', 'кто может приехать прямо сейчас?'],
  ['complaint', 'ждём курьера уже второй час'],
  ['complaint', 'вы будете отвечать или нет!!!'],
  ['complaint', 'до сих пор не привезли'],
  ['complaint', 'верните мои деньги или пойду в суд'],
  ['none', 'ребёнок закрылся в ванной, что делать'],
  ['confirmation', 'да, трубу прорвало, приезжайте'],
])('urgent %s: %s', (intent, text) => {
  expect(isUrgent(text, intent)).toBe(true);
});

test.each<[IntentName, string]>([
  ['broadcast', 'СРОЧНЫЙ выкуп авто!!! Звоните прямо сейчас'],
  ['none', 'срочно перезвони маме'],
  ['confirmation', 'срочности нет, оплатила'],
  ['order', 'запишите на следующую среду'],
  ['complaint', 'букет завял, обидно'],
  ['interest', 'присматриваю диван'],
])('not urgent %s: %s', (intent, text) => {
  expect(isUrgent(text, intent)).toBe(false);
});
