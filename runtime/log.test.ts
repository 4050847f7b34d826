import { expect, test } from '@jest/globals';
import { PolybError } from '../contracts/kit/errors.ts';
import { createLog } from './log.ts';

function setup(level = 'debug') {
  const lines: string[] = [];
  return { log: createLog({ level, service: 'crm-connector', to: { write: (line) => lines.push(line) } }), lines };
}
const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

test('a line is one JSON object with time, level, service, message and the facts given', () => {
  const { log, lines } = setup();
  log.info({ trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', ms: 12.5, leads: ['65021a1e47d57e2ac'] }, 'pushed "it"');
  expect(lines.join('')).toMatch(/^\{.*\}\n$/);
  expect(parsed(lines)).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      'service.name': 'crm-connector',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      ms: 12.5,
      leads: ['65021a1e47d57e2ac'],
      msg: 'pushed "it"',
    },
  ]);
});

test('lines below the level are not written', () => {
  const { log, lines } = setup('warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  log.error({}, 'd');
  expect(parsed(lines).map(({ level }) => level)).toEqual(['warn', 'error']);
});

test('of an error only code, reason, message, stack and causes are written', () => {
  const { log, lines } = setup();
  const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'canary' });
  log.error(
    { err: new PolybError('conflict', 'Taken.', { reason: 'key_reused', data: 'canary', evidence: { lastBytes: 'canary' }, cause }) },
    'x',
  );
  log.error({ err: 'thrown text' }, 'y');
  const [first, second] = parsed(lines);
  expect(first?.err).toEqual({
    code: 'conflict',
    reason: 'key_reused',
    message: 'Taken.',
    stack: expect.stringContaining('log.test.ts'),
    cause: { code: '23505', message: 'duplicate key', stack: expect.stringContaining('duplicate key') },
  });
  expect(second?.err).toEqual({ message: 'thrown text' });
  expect(lines.join('')).not.toContain('canary');
});

test.each(['+79995553322', '8 (999) 555-33-22', '9995553322', '+7\n999\t555\u00a033\u00a022', 79995553322, 89995553322, 9995553322])(
  'the phone %j is nowhere in a line, wherever it was given, and the line is still JSON',
  (phone) => {
    const { log, lines } = setup();
    const text = `${phone}`;
    log.info({ phone, list: [phone, phone], deep: { any: { where: `call ${text}, or "${text}"\\` } }, [text]: 1 }, `calling ${text}`);
    log.error({ err: new Error(`no answer from ${text}`, { cause: new Error(text) }) }, 'failed');
    expect(parsed(lines)).toHaveLength(2);
    expect(lines.join('')).not.toMatch(/999.{0,3}555/);
  },
);

test('credentials are nowhere in a line, by their form or by the name of their key', () => {
  const { log, lines } = setup();
  log.info(
    {
      url: 'https://api.telegram.org/bot123456789:AAEhBOweik6ad9r_canaryVTUsm9RL41U/getMe',
      headers: { Authorization: 'canary', cookie: 'canary', 'X-Api-Key': 'canary' },
      TELEGRAM_BOT_TOKEN: 'canary',
      password: 1234567,
      nats: 'nats://anna:canary@host',
      input_tokens: 17,
    },
    'Bearer canary-canary',
  );
  const [line] = parsed(lines);
  expect(lines.join('')).not.toMatch(/canary|1234567/);
  expect(line).toMatchObject({ input_tokens: 17, password: '***', headers: { cookie: '***' } });
});

test('a line beyond 32 KB is cut to its scrubbed start, and is still JSON', () => {
  const { log, lines } = setup();
  log.info({ phone: '+79995553322', rows: 'x'.repeat(1e6) }, 'large');
  expect(lines.join('').length).toBeLessThan(3000);
  expect(parsed(lines)).toMatchObject([
    { msg: expect.stringMatching(/^a line of 1000\d+ characters was cut$/), start: expect.stringContaining('***3322') },
  ]);
});
