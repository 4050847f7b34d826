import { expect, test } from '@jest/globals';
import { type CsvRow, csvTable } from './csv.ts';

const options = { timeZone: 'Europe/Moscow' };
const appointment: CsvRow = {
  'Дата и время': '24.12.2026 12:30',
  Длительность: '1 ч 30 мин',
  Клиент: 'Анна Ким',
  Телефон: '8 (999) 555-33-22',
  Услуга: 'Стрижка',
  Мастер: 'Ольга',
  Стоимость: '1 500,50',
  Комментарий: null,
};

test('a row of appointments has local times with the offset of the location, a price in kopecks and a phone in E.164', () => {
  expect(csvTable('appointments', [appointment], options)).toEqual({
    rows: [
      {
        start: '2026-12-24T12:30:00+03:00',
        durationMinutes: 90,
        clientName: 'Анна Ким',
        phoneNumber: '+79995553322',
        serviceName: 'Стрижка',
        employeeName: 'Ольга',
        price: { amountMinor: 150_050, currency: 'RUB' },
        comment: null,
      },
    ],
    problems: [],
  });
  const [berlin] = csvTable('appointments', [{ ...appointment, 'Дата и время': '24.07.2026 09:05' }], { timeZone: 'Europe/Berlin' }).rows;
  expect(berlin?.start).toBe('2026-07-24T09:05:00+02:00');
});

test.each([
  ['1 500,50', 150_050],
  ['1 500,5 ₽', 150_050],
  ['1500.50', 150_050],
  ['1500 руб.', 150_000],
  ['0', 0],
  ['1,500', null],
  ['1.500,00', null],
  ['бесплатно', null],
])('the price "%s" is %s kopecks', (text, kopecks) => {
  const { rows, problems } = csvTable('services', [{ Название: 'Стрижка', Цена: text }], options);
  expect(rows[0]?.price?.amountMinor ?? null).toBe(kopecks);
  expect(problems).toHaveLength(kopecks === null ? 1 : 0);
});

test.each([
  ['90', 90],
  ['90 мин', 90],
  ['1:30', 90],
  ['2 ч', 120],
  ['1 час 15 минут', 75],
  ['0', null],
  ['долго', null],
])('the length "%s" is %s minutes', (text, minutes) => {
  const { rows } = csvTable('services', [{ Услуга: 'Стрижка', Длительность: text }], options);
  expect(rows[0]?.durationMinutes ?? null).toBe(minutes);
});

test('every cell that cannot be read is named by row and column, without its text, and its row is left out', () => {
  const bad = { ...appointment, 'Дата и время': '31.02.2026 12:30', Телефон: '8999555332', Стоимость: 'дорого' };
  const { rows, problems } = csvTable('appointments', [appointment, bad, { ...appointment, Телефон: null }], options);
  expect(rows).toHaveLength(1);
  expect(problems.map(({ row, column }) => [row, column])).toEqual([
    [2, 'Дата и время'],
    [2, 'Телефон'],
    [2, 'Стоимость'],
    [3, 'Телефон'],
  ]);
  expect(JSON.stringify(problems)).not.toMatch(/8999555332|дорого/);
});

test('columns are found by the names of the mapping, in any case, and a name that the file lacks is an error', () => {
  const rows = [{ ' НАИМЕНОВАНИЕ  услуги ': 'Стрижка', Цена: '100' }];
  expect(csvTable('services', rows, { ...options, columns: { name: 'Наименование услуги' } }).rows).toMatchObject([{ name: 'Стрижка' }]);
  expect(csvTable('services', rows, options).problems).toMatchObject([{ row: 0, column: 'name' }]);
  const wrong = csvTable('services', rows, { ...options, columns: { name: 'Нет', prise: 'Цена' } });
  expect(wrong.problems.map(({ column }) => column)).toEqual(['name', 'prise']);
});

test('text in another encoding is one error about the header that speaks of the encoding', () => {
  const { rows, problems } = csvTable('clients', [{ РРјСЏ: 'РђРЅРЅР°', 'РўРµР»РµС„РѕРЅ': '+79995553322' }], options);
  expect(rows).toEqual([]);
  expect(problems.map(({ row }) => row)).toEqual([0, 0]);
  expect(problems[0]?.expected).toMatch(/encoding/);
});
