import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkKey, derivedKey } from './key.ts';

test('a key derived any number of times from a valid key is valid', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 255 }), fc.string({ maxLength: 80 }), (given, part) => {
      fc.pre(given.trim() !== '' && given.length <= 255);
      let key = given;
      for (let depth = 0; depth < 3; depth += 1) {
        key = derivedKey(key, part);
        checkKey('crm.create_contact', key);
      }
    }),
  );
});

test('keys derived from keys that differ only after the 200th character differ', () => {
  const long = 'k'.repeat(254);
  expect(derivedKey(`${long}a`, 'contact')).not.toBe(derivedKey(`${long}b`, 'contact'));
  expect(derivedKey(`${long}a`, 'contact')).not.toBe(derivedKey(`${long}a`, 'lead'));
  expect(derivedKey(`${long}a`, 'contact')).toBe(derivedKey(`${long}a`, 'contact'));
});

test('a short derived key is readable', () => {
  expect(derivedKey('order-17', 'contact')).toBe('order-17:contact');
});
