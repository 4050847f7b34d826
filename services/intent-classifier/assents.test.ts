import { expect, test } from '@jest/globals';
import { asks, isAssent } from './assents.ts';
import { cascade } from './cascade.ts';
import { readModel } from './model-file.ts';

test.each(['👍', '👍🏽', '+', '++', 'ага', 'Ок.', 'да, хорошо', 'да!', 'угу 👍', '✅', 'yes', 'иә', 'ладно)', 'ну ага'.slice(3)])(
  '%s is an assent',
  (text) => {
    expect(isAssent(text)).toBe(true);
  },
);
test.each(['да, на пятницу', 'ок, а сколько стоит?', 'да?', 'ага, 5 штук', '🌷', '!!!', '.', 'хорошо доехали спасибо вам', '5+', 'нет'])(
  '%s is none',
  (text) => {
    expect(isAssent(text)).toBe(false);
  },
);

test.each(['Вам на 15:00?', 'Подтвердите запись, пожалуйста', 'Оставить «Весну»?)', 'Какой цвет? Есть белый', 'Вас устроит среда'])(
  '%s asks',
  (text) => {
    expect(asks(text)).toBe(true);
  },
);
test.each(['Ждём вас', 'https://shop.example/buy?id=4', 'Заказ собран'])('%s asks nothing', (text) => {
  expect(asks(text)).toBe(false);
});

const judge = cascade({ patterns: async () => [], local: await readModel(), askLlm: () => Promise.reject(new Error('asked')) });
const { signal } = new AbortController();

test.each(['👍', '👌', '🤝', '+', '++', 'ага', 'ок', 'да', 'хорошо'])(
  '%s is a guess that no language model is asked about, and certain behind a question',
  async (text) => {
    expect(await judge(text, { signal })).toMatchObject({ isCertain: false, stage: 'pattern' });
    expect((await judge(text, { signal })).confidence).toBeLessThanOrEqual(0.5);
    expect(await judge(text, { answersQuestion: true, signal })).toMatchObject({ intent: 'confirmation', isCertain: true });
  },
);
