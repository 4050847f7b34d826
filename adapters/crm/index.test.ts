import { expect, test } from '@jest/globals';
import type { z } from 'zod';
import { defaultOf, show } from '../../config/settings.ts';
import { bookingAdapters } from '../booking/index.ts';
import { crmAdapters } from './index.ts';

const settings = [crmAdapters, bookingAdapters].flatMap((catalogue) =>
  Object.values(catalogue).flatMap((adapter): [string, z.ZodType][] => Object.entries(adapter.settings.shape)),
);
const withDefaults = [...new Map(settings)].filter(([, schema]) => defaultOf(schema) !== undefined);

test.each(withDefaults)('the printed default of %s is what a person may write', (_, schema) => {
  expect(schema.parse(show(schema, defaultOf(schema)))).toEqual(defaultOf(schema));
});
