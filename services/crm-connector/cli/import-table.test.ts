import { expect, test } from '@jest/globals';
import { Company } from '../../../contracts/company.ts';
import salon from '../../../services/crm-connector/salon.json' with { type: 'json' };
import { withServices } from './import-table.ts';

const company = Company.parse(salon);
const row = { name: 'Стрижка', category: null, durationMinutes: null, price: null };

test('services of a table are matched by name, and keep what the table does not say', () => {
  const price = { amountMinor: 250_000, currency: 'RUB' };
  const merged = withServices(company, [{ ...row, name: 'стрижка', price }]);
  expect([merged.added, merged.changed]).toEqual([0, 1]);
  expect(merged.company.services).toEqual(
    company.services.map((each) => (each.serviceId === 'haircut' ? { ...each, name: 'стрижка', price } : each)),
  );
  expect(merged.company.employees).toEqual(company.employees);
});

test('a new service is for every employee, under the same id in each import', () => {
  const added = withServices(company, [{ ...row, name: 'Укладка', durationMinutes: 45 }]);
  expect([added.added, added.changed, Company.safeParse(added.company).success]).toEqual([1, 0, true]);
  const { serviceId } = added.company.services.at(-1) ?? {};
  for (const { serviceIds } of added.company.employees) expect(serviceIds).toContain(serviceId);
  const again = withServices(added.company, [{ ...row, name: 'Укладка', durationMinutes: 45 }]);
  expect(again).toEqual({ company: added.company, added: 0, changed: 0 });
});

test('a new service without a duration is refused by name', () => {
  expect(() => withServices(company, [{ ...row, name: 'Укладка' }])).toThrow(/Укладка/);
});
