import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkKey, derivedKey } from './key.ts';

test('a key derived from any key that passes passes itself, however often it is derived from', () => {
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

test('keys that differ only behind the 200th character stay apart when something is derived from them', () => {
  const long = 'k'.repeat(254);
  expect(derivedKey(`${long}a`, 'contact')).not.toBe(derivedKey(`${long}b`, 'contact'));
  expect(derivedKey(`${long}a`, 'contact')).not.toBe(derivedKey(`${long}a`, 'lead'));
  expect(derivedKey(`${long}a`, 'contact')).toBe(derivedKey(`${long}a`, 'contact'));
});

test('a short derived key reads as what it is made of', () => {
  expect(derivedKey('order-17', 'contact')).toBe('order-17:contact');
});
