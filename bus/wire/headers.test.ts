import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { headerBlock, readHead, requestHead } from './headers.ts';

test('the headers of a request are read back, with any characters in the key', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      fc.nat(),
      fc.integer({ min: 1, max: 4e12 }),
      (key, timeoutMs, sentAt) => {
        const block = requestHead('00-a-b-01', timeoutMs, sentAt, key, 'content-type: application/msgpack\r\n');
        expect(block.split('\r\n').length).toBe(8);
        expect(readHead(block)).toMatchObject({
          traceparent: '00-a-b-01',
          timeoutMs,
          sentAt,
          key,
          contentType: 'application/msgpack',
          status: 0,
        });
      },
    ),
  );
});

test('a key with a bare percent sign, written by hand, is read as it is', () => {
  expect(readHead('NATS/1.0\r\nidempotency-key: 100%\r\n\r\n').key).toBe('100%');
});

test('an empty key differs from an absent one', () => {
  const given = (block: string) => ({ hasKey: readHead(block).hasKey, key: readHead(block).key });
  expect(given('NATS/1.0\r\ntraceparent: x\r\n\r\n')).toEqual({ hasKey: false, key: '' });
  expect(given('NATS/1.0\r\nidempotency-key:\r\n\r\n')).toEqual({ hasKey: true, key: '' });
  expect(given('NATS/1.0\r\nidempotency-key:   \r\ntraceparent: x\r\n\r\n')).toEqual({ hasKey: true, key: '' });
});

test('a last line without a line end is read, and no byte past the block', () => {
  expect(readHead('NATS/1.0\r\nidempotency-key: k1')).toMatchObject({ hasKey: true, key: 'k1' });
  expect(readHead('NATS/1.0\r\ntraceparent: x\r\nidempotency-key: k1\r\n')).toMatchObject({ traceparent: 'x', key: 'k1' });
  expect(readHead('NATS/1.0\r\nidempotency-key')).toMatchObject({ hasKey: false });
});

test('names are read in any case, with or without a space', () => {
  const head = readHead(
    'NATS/1.0\r\nTraceParent:x\r\nPOLYB-TIMEOUT-MS:   7\r\nNats-Service-Error-Code: 404\r\npolyb-Code: not_found\r\nPolyb-Frame: credit 32\r\nPolyb-Stream: s\r\n\r\n',
  );
  expect(head).toMatchObject({ traceparent: 'x', timeoutMs: 7, errorCode: 404, code: 'not_found', frame: 'credit 32', stream: 's' });
});

test('the status of the server is read, with and without its words', () => {
  expect(readHead('NATS/1.0 503\r\n\r\n').status).toBe(503);
  expect(readHead('NATS/1.0 503 No Responders\r\n\r\n').status).toBe(503);
});

test('an invalid number counts as absent', () => {
  for (const value of ['-1', 'x', '', '1e3', '9'.repeat(400)])
    expect(readHead(`NATS/1.0\r\npolyb-timeout-ms: ${value}\r\n\r\n`).timeoutMs).toBe(0);
});

test('reading never throws', () => {
  const part = fc.constantFrom('NATS/1.0', '\r\n', ':', ' ', 'traceparent', 'polyb-sent-at', '503', '%', 'x');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(part).map((parts) => parts.join('')),
      ),
      (block) => void readHead(block),
    ),
    { numRuns: 2000 },
  );
});

test('no value of a block can add a line', () => {
  expect(headerBlock({ A: 'one\r\nevil: 1' })).toBe('NATS/1.0\r\na: one%0D%0Aevil%3A%201\r\n\r\n');
  expect(headerBlock({})).toBe('');
});
