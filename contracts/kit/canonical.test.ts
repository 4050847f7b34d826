import { expect, test } from '@jest/globals';
import { canonical } from './canonical.ts';

test('the text of a value depends neither on the order of its fields nor on absent ones, and is that of stored hashes', () => {
  const text = '{"10":[null,null],"9":"AQI=","a":{"b":1,"c":"й"}}';
  expect(canonical({ a: { c: 'й', b: 1 }, 9: Uint8Array.of(1, 2), 10: [undefined, null], gone: undefined })).toBe(text);
  expect(canonical({ 10: [undefined, null], 9: Uint8Array.of(1, 2), a: { b: 1, c: 'й', gone: undefined } })).toBe(text);
});
