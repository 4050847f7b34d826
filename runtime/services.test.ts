import { expect, test } from '@jest/globals';
import { loadServices, serviceFolders } from './services.ts';

const services = await loadServices(await serviceFolders());
const vendors = services.flatMap(({ folder, service }) => Object.values(service.vendors).map((vendor) => ({ folder, ...vendor })));

test('the default of a vendor setting is an adapter of its catalogue, or none of a list', () => {
  const wrong = vendors.filter(({ fallback, catalogue, list }) =>
    list && fallback === 'none' ? 'none' in catalogue : !(fallback in catalogue),
  );
  expect(wrong.map(({ folder, setting }) => `${folder}: ${setting}`)).toEqual([]);
  expect(vendors.length).toBeGreaterThan(5);
});

test('a vendor setting that several services read is a list in all of them, or in none', () => {
  const forms = Map.groupBy(vendors, ({ setting }) => setting);
  const mixed = [...forms].filter(([, all]) => new Set(all.map(({ list }) => list)).size > 1);
  expect(mixed.map(([setting]) => setting)).toEqual([]);
});
