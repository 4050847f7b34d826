import { expect, test } from '@jest/globals';
import { editDistance, nearest } from './nearest.ts';

test('counts a swap of two letters as one slip', () => {
  expect(editDistance('pahu', 'phau')).toBe(1);
  expect(editDistance('push', 'push')).toBe(0);
  expect(editDistance('', 'abc')).toBe(3);
});

test('names what is near, nearest first, and nothing that is far', () => {
  expect(nearest('crm.push_to_crn', ['crm.push_to_crm', 'crm.find_contact', 'tts.synthesize'])).toEqual(['crm.push_to_crm']);
  expect(nearest('push', ['push_to_crm', 'pish', 'zzz'])).toEqual(['pish', 'push_to_crm']);
  expect(nearest('xyz', ['call', 'list'])).toEqual([]);
});
