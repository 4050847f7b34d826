import { expect, test } from '@jest/globals';
import { scrub } from './scrub.ts';

test.each([
  '+79995553322',
  '79995553322',
  '89995553322',
  '9995553322',
  '+7 999 555 33 22',
  '+7 (999) 555-33-22',
  '+7(999)555-33-22',
  '+7(999)5553322',
  '+7-999-555-33-22',
  '+7.999.555.33.22',
  '7.999.555.33.22',
  '8 999 555 33 22',
  '8 (999) 555-33-22',
  '8(999)555-33-22',
  '8(999)5553322',
  '8-999-555-33-22',
  '8-999-555-3322',
  '8 999 5553322',
  '8999 555 3322',
  '(999) 555-33-22',
  '999-555-33-22',
  '999 555 33 22',
  '8/999/555/33/22',
  '8_999_555_33_22',
  '+7 [999] 555 33 22',
  '+7\u00a0999\u00a0555\u00a033\u00a022',
  '+7 999 555\u201133\u201122',
  '+7 999 555 – 33 – 22',
  '+7\u200b999\u200b5553322',
  '+7\n999\n5553322',
  '+7\\n999\\t5553322',
  '+7  999   555  33  22',
  '007 999 555 33 22',
  '％＋７９９９５５５３３２２'.slice(1),
  '８９９９５５５３３２２',
  '%2B79995553322',
  '%2B7%20999%20555%2033%2022',
  'tel:+79995553322',
  'тел89995553322',
  'lead_89995553322',
  'x+79995553322y',
  '+375 29 555-33-22',
  '+380 44 555 3322',
  '+44 20 5555 3322',
  '+1 (212) 555-3322',
])('no more than the last four digits of %j stay', (phone) => {
  for (const text of [
    phone,
    `call ${phone} now`,
    `{"phone":"${phone}"}`,
    `https://crm/Contact?phone=${phone}&x=1`,
    `${phone}, ${phone}`,
    `${phone} ${phone}`,
  ]) {
    const left = scrub(text);
    expect(left).toMatch(/\*\*\*3322|\*\*\*３３２２/);
    expect(left).not.toMatch(/555|５５５|999|９９９/);
    expect(scrub(left)).toBe(left);
  }
});

test.each([
  'Bearer abc.DEF-123_456',
  'authorization: bearer canary-7731',
  'Basic YW5uYTpjYW5hcnk=',
  'https://api.telegram.org/bot123456789:AAEhBOweik6ad9r_canaryVTUsm9RL41U/sendMessage',
  '123456789:AAEhBOweik6ad9r_canaryVTUsm9RL41U',
  'nats://anna:canary@127.0.0.1:4222',
  'postgres://anna:can@ary@host/db',
  'redis://:canary@host',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canary',
  'sk-canary0123456789abcdef',
  'GET /x?token=canary&y=1',
  'api_key: canary',
  '{\\"password\\":\\"canary\\"}',
  "{'secret': 'canary'}",
])('the credential in %j goes', (text) => {
  const left = scrub(text);
  expect(left).toContain('***');
  expect(left).not.toMatch(/canary|DEF-123|YW5u|AAEhB|can@ary|Y2FuYXJ5/);
  expect(scrub(left)).toBe(left);
});

test.each([
  '2026-08-07T10:20:30.123Z',
  '2026-08-07 10:20:30',
  '018f3c2a-1234-7890-8123-123456789012',
  '192.168.100.200:4222',
  '4bf92f3577b34da6a3ce929d0e0e4736',
  '4bf9234567890123a3ce929d0e0e4736',
  'run_01J9ZK3T5X7Y8W9V0U1S2R3Q4P',
  'crm.push_to_crm took 12.5 ms of 10000',
  '5 rows, 7 columns and 12 tables in 2026',
  'input_tokens: 1200',
  'https://crm.example:8443/api/v1/Contact',
])('%j stays as it is', (text) => {
  expect(scrub(text)).toBe(text);
});

test.each([
  '1',
  '1 ',
  '1-(',
  '1 1 1 1 1 1 1 1 1 1a ',
  '+',
  '+1((((',
  'a:b@',
  '://@',
  'x',
  'a.',
  'http://',
  '-eyJ',
  'eyJaaaaaaaa.',
  'sk-',
  'Bearer ',
  'token=',
])('100 KB of %j take less than half a second', (part) => {
  const text = part.repeat(100_000 / part.length);
  const started = performance.now();
  scrub(text);
  expect(performance.now() - started).toBeLessThan(5_000);
});
