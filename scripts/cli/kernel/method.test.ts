import { expect, test } from '@jest/globals';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { journalEntry } from '../commands/journal/ask.ts';
import { tell } from './failure.ts';
import { explain } from './method.ts';

test("the rights on the bus are named when the bus refuses, not when the method's own rule does", async () => {
  const entry = await journalEntry('approve');
  const next = 'polyb permissions';
  expect(tell(explain(new PolybError('permission_denied', 'No.'), entry, undefined)).map((line) => line.trim())).toContain(next);
  const ruled = new PolybError('permission_denied', 'No.', { reason: 'opted_out' });
  expect(tell(explain(ruled, entry, undefined)).map((line) => line.trim())).not.toContain(next);
});
