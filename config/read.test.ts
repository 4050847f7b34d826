import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { exitOf, type PolybError } from '../contracts/kit/errors.ts';
import { common } from './common.ts';
import { lookup, openSources } from './env.ts';
import { envExample } from './example.ts';
import { type Group, read } from './read.ts';
import { connections, durationMs, flag, integer, list, origin, preferences, secret, text, url } from './settings.ts';

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

/** Files by path (`home/…` or `root/…`), each with mode 0600 unless its text is given with another. */
function setup(files: Readonly<Record<string, string | { text: string; mode: number }>> = {}, env: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'polyb-config-'));
  made.push(folder);
  for (const [path, file] of Object.entries(files)) {
    const { text, mode } = typeof file === 'string' ? { text: file, mode: 0o600 } : file;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    chmodSync(join(folder, path), mode);
  }
  return { folder, find: openSources({ env, root: join(folder, 'root'), home: join(folder, 'home') }) };
}
function failure(work: () => unknown): PolybError {
  try {
    work();
  } catch (error) {
    return error as PolybError;
  }
  throw new Error('nothing was thrown');
}
const one = <T extends z.ZodType>(schema: T, value?: string) =>
  read([{ name: 'g', settings: z.object({ X: schema }) }], setup({}, value === undefined ? {} : { X: value }).find).shown.X;

test('the environment beats .env, which beats run.json, which beats the secrets, which beat the default', () => {
  const names = ['A', 'B', 'C', 'D', 'E', 'F'];
  const group = { name: 'g', settings: z.object(Object.fromEntries(names.map((name) => [name, text().default('default').optional()]))) };
  const { find } = setup(
    {
      'root/.env': 'A=dotenv\nB=dotenv\n',
      'root/.polyb/run.json': '{"A":"run","B":"run","C":"run","F":7}',
      'home/.secrets/telegram/shop.env': 'A=secrets\nB=secrets\nC=secrets\nD=secrets\n',
    },
    { A: 'environment', B: '' },
  );
  const { of, origins } = read([group], find);
  expect(of(group)).toEqual({ A: 'environment', B: 'dotenv', C: 'run', D: 'secrets', E: 'default', F: '7' });
  expect(origins).toEqual({
    A: 'the environment',
    B: '.env',
    C: '.polyb/run.json',
    D: '~/.secrets/telegram/shop.env',
    E: 'default',
    F: '.polyb/run.json',
  });
});

test('all errors of all groups come at once, with status 78 and without a secret', () => {
  const groups: Group[] = [
    { name: 'a', settings: z.object({ COUNT: integer({ min: 1, max: 9 }), TOKEN: secret({ min: 20 }), NEEDED: text() }) },
    { name: 'b', settings: z.object({ SERVERS: list(url(['nats'])), WAIT_MS: durationMs({ max: 1000 }) }) },
  ];
  const { find } = setup({ 'root/.env': 'TOKEN=canary-7731' }, { COUNT: '12', SERVERS: 'nats://ok,http://anna:canary@bad', WAIT_MS: '2s' });
  const error = failure(() => read(groups, find));
  expect(exitOf(error)).toBe(78);
  expect(error.message.split('\n').slice(1)).toEqual([
    '  COUNT: expected a whole number from 1 to 9, got "12" from the environment',
    '  TOKEN: expected a secret of 20 to 8192 characters, got "***" from .env',
    '  NEEDED: missing, expected text of at most 1000 characters; set it in the environment or in .env',
    '  SERVERS: expected up to 100 comma-separated values, each a URL that begins with nats://, got "nats://ok,http://***@bad" from the environment',
    '  WAIT_MS: expected a duration from 0 to 1000 ms, written 1500, 90s, 15m, 24h or 30d, got "2s" from the environment',
  ]);
});

test('NAME_FILE gives the content of the file without its last line end', () => {
  const { folder, find } = setup({ 'root/token': 'one two\n' }, { TOKEN_FILE: 'token' });
  expect(lookup('TOKEN', find)).toBe('one two');
  expect(find('TOKEN')).toEqual({ value: 'one two', from: 'TOKEN_FILE in the environment' });
  expect(lookup('TOKEN', openSources({ env: { TOKEN_FILE: join(folder, 'root/token') }, root: '/', home: '/' }))).toBe('one two');
});

test('NAME_FILE is refused when anybody can read the file, when it is gone, empty, or when NAME stands beside it', () => {
  const { find } = setup(
    { 'root/open': { text: 'canary', mode: 0o604 }, 'root/empty': '\n', 'root/good': 'canary' },
    { A_FILE: 'open', B_FILE: 'gone', C_FILE: 'empty', D_FILE: 'good', D: 'canary' },
  );
  const group = { name: 'g', settings: z.object({ A: secret(), B: secret(), C: secret(), D: secret() }) };
  const { message } = failure(() => read([group], find));
  expect(message.split('\n').slice(1)).toEqual([
    '  A: the file named in A_FILE in the environment is readable by everyone; run chmod o-rwx on it',
    '  B: the file named in B_FILE in the environment cannot be read (ENOENT)',
    '  C: the file named in C_FILE in the environment is empty',
    '  D: set it or D_FILE in the environment, not both',
  ]);
});

test('a secrets file that the group or others can read is refused only when a setting would come from it', () => {
  const { find } = setup({ 'home/.secrets/cloud/llm.env': { text: 'LLM_KEY=canary', mode: 0o640 } }, { LLM_URL: 'https://llm' });
  expect(lookup('LLM_URL', find)).toBe('https://llm');
  expect(lookup('OTHER', find)).toBeUndefined();
  expect(failure(() => lookup('LLM_KEY', find)).message).toMatch(
    /LLM_KEY: ~\/\.secrets\/cloud\/llm\.env is readable by others; run chmod 600/,
  );
});

test('a setting that stands in two secrets files is refused, because neither is the higher', () => {
  const { find } = setup({ 'home/.secrets/a/x.env': 'KEY=1', 'home/.secrets/b/x.env': 'KEY=2' });
  expect(failure(() => lookup('KEY', find)).message).toMatch(/KEY: set in both ~\/.secrets\/a\/x\.env and ~\/\.secrets\/b\/x\.env/);
});

test('a run.json that is not an object is named once', () => {
  const { find } = setup({ 'root/.polyb/run.json': '[' });
  expect(
    failure(() => read([common], find))
      .message.split('\n')
      .slice(1),
  ).toEqual(['  .polyb/run.json: cannot be read (SyntaxError)']);
});

test('a group with a condition is read only where the other setting, or its default, fulfils it', () => {
  const kind = { name: 'crm', settings: z.object({ CRM_KIND: z.enum(['builtin', 'espo']).default('builtin') }) };
  const espo = { name: 'espo', when: { setting: 'CRM_KIND', is: 'espo' }, settings: z.object({ ESPO_URL: url(['https']) }) };
  const builtin = { name: 'builtin', when: { setting: 'CRM_KIND', is: 'builtin' }, settings: z.object({ LEADS: flag().default(true) }) };
  const all = [espo, kind, builtin];
  expect(read(all, setup().find).of(builtin)).toEqual({ LEADS: true });
  expect(() => read(all, setup().find).of(espo)).toThrow('the settings of espo were not read');
  expect(failure(() => read(all, setup({}, { CRM_KIND: 'espo' }).find)).message).toMatch(/ESPO_URL: missing/);
});

test.each([
  [undefined, 'none'],
  ['none', 'none'],
  ['openai', 'openai'],
  [' yandex , openai', 'yandex,openai'],
])('preferences written %j are %s', (written, shown) => {
  expect(one(preferences(['openai', 'yandex']), written)).toBe(shown);
});

test.each(['openai,openai', 'none,openai', 'claude', ',', 'openai;yandex'])(
  'preferences written %j are refused, with those that there are',
  (written) => {
    const { message } = failure(() => one(preferences(['openai', 'yandex']), written));
    expect(message).toContain(
      `X: expected none, or comma-separated names in order of preference, each once, of: openai, yandex, got "${written}" from the environment`,
    );
  },
);

test('the groups of all preferences are read, and of no others', () => {
  const kind = { name: 'llm', settings: z.object({ LLM_KIND: preferences(['a', 'b', 'c']) }) };
  const vendor = (is: string) => ({
    name: is,
    when: { setting: 'LLM_KIND', is, inList: true } as const,
    settings: z.object({ [`${is.toUpperCase()}_KEY`]: text() }),
  });
  const [a, b, c] = [vendor('a'), vendor('b'), vendor('c')];
  const settings = read([kind, a, b, c], setup({}, { LLM_KIND: 'c, a', A_KEY: '1', C_KEY: '3' }).find);
  expect([settings.of(a), settings.of(c), settings.of(kind)]).toEqual([{ A_KEY: '1' }, { C_KEY: '3' }, { LLM_KIND: ['c', 'a'] }]);
  expect(() => settings.of(b)).toThrow('were not read');
  expect(failure(() => read([kind, a, b, c], setup({}, { LLM_KIND: 'a,b', A_KEY: '1' }).find)).message).toMatch(/B_KEY: missing/);
  expect(read([kind, a], setup().find).shown.LLM_KIND).toBe('none');
});

test('POLYB_NATS_URL wins over NATS_URL, wherever the two stand', () => {
  const { find } = setup({ 'root/.env': 'POLYB_NATS_URL=nats://mine:1' }, { NATS_URL: 'nats://all:1,nats://all:2' });
  expect(read([common], find).of(common).NATS_URL).toEqual(['nats://mine:1']);
  expect(lookup(['POLYB_NATS_URL', 'NATS_URL'], find)).toBe('nats://mine:1');
});

test('every setting of the platform but addresses, the secret key and the size of the pool has a default', () => {
  const { of, origins } = read([common], setup().find);
  expect(of(common)).toMatchObject({
    CLOCK_SKEW_MS: 250,
    POLYB_SHUTDOWN_MS: 15_000,
    POLYB_SUBJECT_PREFIX: 'polyb',
    HTTP_ALLOW_PRIVATE: [],
  });
  const unset = Object.keys(origins).filter((name) => origins[name] === 'not set');
  expect(unset).toEqual([
    'NATS_URL',
    'NATS_USER',
    'NATS_PASSWORD',
    'DATABASE_URL',
    'DATABASE_CONNECTIONS',
    'REDIS_URL',
    'POLYB_SECRET_KEY',
  ]);
});

const kind = { name: 'crm', settings: z.object({ CRM_KIND: z.enum(['own', 'amo']).default('own') }), connections: 'CRM_CONNECTIONS' };
const amo = {
  name: 'amo',
  settings: z.object({ AMO_TOKEN: secret() }),
  when: { setting: 'CRM_KIND', is: 'amo' },
  connections: 'CRM_CONNECTIONS',
};
const listed = { name: 'service', settings: z.object({ CRM_CONNECTIONS: connections() }) };

test('a group of connections is read for each: main under the plain names, another one behind its name', () => {
  const { of, shown } = read(
    [listed, kind, amo],
    setup({}, { CRM_CONNECTIONS: 'main, salon', SALON_CRM_KIND: 'amo', SALON_AMO_TOKEN: 's', AMO_TOKEN: 'unread' }).find,
  );
  expect([of(listed), of(kind), of(kind, 'salon'), of(amo, 'salon')]).toEqual([
    { CRM_CONNECTIONS: ['main', 'salon'] },
    { CRM_KIND: 'own' },
    { CRM_KIND: 'amo' },
    { AMO_TOKEN: 's' },
  ]);
  expect(() => of(amo)).toThrow('not read');
  expect(shown).toEqual({ CRM_CONNECTIONS: 'main,salon', CRM_KIND: 'own', SALON_CRM_KIND: 'amo', SALON_AMO_TOKEN: '***' });
});

test('what a connection lacks is named as it must be written', () => {
  const env = { CRM_CONNECTIONS: 'main,salon', CRM_KIND: 'own', SALON_CRM_KIND: 'amo' };
  expect(failure(() => read([listed, kind, amo], setup({}, env).find)).message).toContain('SALON_AMO_TOKEN: missing');
  const wrong = { CRM_CONNECTIONS: 'main,salon', SALON_CRM_KIND: 'nobody' };
  expect(failure(() => read([listed, kind, amo], setup({}, wrong).find)).message).toContain('SALON_CRM_KIND: expected');
});

test.each(['salon', 'salon,main', 'main,main', 'main,Salon', 'main,a-b'])('CRM_CONNECTIONS=%s is refused', (given) => {
  const message = failure(() => read([listed, kind], setup({}, { CRM_CONNECTIONS: given }).find)).message;
  expect(message).toContain('CRM_CONNECTIONS: expected comma-separated names, `main` first');
});

test.each([
  ['durationMs', '90s', '90000', durationMs({ max: 1e9 })],
  ['durationMs', '1500ms', '1500', durationMs({ max: 1e9 })],
  ['durationMs', '1h', '3600000', durationMs({ max: 1e9 })],
  ['integer', ' -3 ', '-3', integer({ min: -5, max: 5 })],
  ['flag', 'yes', 'true', flag()],
  ['list', ' a, ,b ', 'a,b', list(text())],
  ['origin', 'HTTP://CRM.Example:80/', 'http://crm.example', origin()],
  ['url', 'nats://anna:se/cr@et@host', 'nats://***@host', text()],
  ['url', 'https://gw.example/call?key=canary&to=1#x', 'https://gw.example/call?key=***&to=***#x', url(['https'])],
  ['secret', 'canary', '***', secret()],
  ['secret list', ' , ', '', list(text()).meta({ secret: true })],
  ['secret list', 'canary,canary', '***', list(text()).meta({ secret: true })],
] as const)('%s: %j is read, and shown as %j', (_, given, shown, schema) => {
  expect(one(schema, given)).toBe(shown);
});

test.each([
  ['integer', '0x1', integer({ min: 0, max: 5 })],
  ['integer', '1.5', integer({ min: 0, max: 5 })],
  ['durationMs', '1 week', durationMs({ max: 1000 })],
  ['flag', 'perhaps', flag()],
  ['origin', 'http://crm.example/path', origin()],
  ['origin', 'http://anna@crm.example', origin()],
  ['url', 'http://host', url(['https'])],
  ['text', 'long', text({ max: 3 })],
] as const)('%s: %j is refused', (_, given, schema) => {
  expect(failure(() => one(schema, given)).reason).toBe('bad_settings');
});

test('.env.example holds every setting once, read back it changes nothing, and no secret has a value', () => {
  const vendor = {
    name: 'telegram',
    when: { setting: 'CHANNEL', is: 'telegram' },
    settings: z.object({ TELEGRAM_TOKEN: secret().describe('From BotFather.'), CLOCK_SKEW_MS: durationMs({ max: 1 }) }),
  };
  const example = envExample([common, vendor]);
  expect(example).toContain(
    '# --- telegram, read when CHANNEL=telegram ---\n\n# From BotFather.\n# Expects a secret of 1 to 8192 characters. Secret. Required.\nTELEGRAM_TOKEN=\n',
  );
  expect(example).toContain('#CLOCK_SKEW_MS=250\n');
  expect(example.match(/^#?CLOCK_SKEW_MS=/gm)).toHaveLength(1);
  const uncommented = example.replace(/^#(?=\w+=)/gm, '');
  const same = read([common], setup({ 'root/.env': uncommented }).find);
  expect(same.of(common)).toEqual(read([common], setup().find).of(common));
});
