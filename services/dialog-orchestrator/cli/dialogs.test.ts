import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectNats } from '../../../bus/transports/nats.ts';
import { booking } from '../../../contracts/booking.ts';
import { type RunningServer, startNats } from '../../../scripts/infra/start.ts';
import { temporaryDir } from '../../../scripts/infra/temporary.ts';
import { commandEnv, ended, type Said } from '../../../test/kit/checkout.ts';
import { runCommand } from '../../../test/kit/command-line.ts';
import { type World, world } from '../../../test/kit/world.ts';
import salon from '../../crm-connector/salon.json' with { type: 'json' };
import connector from '../../crm-connector/service.ts';
import journalService from '../../journal/service.ts';
import { type Brain, type Fixture, fixture, lastResult, unique } from '../fixture.ts';
import commands from './commands.ts';

let nats: RunningServer;
let world_: World;
let it: Fixture;
const dir = temporaryDir();
beforeAll(async () => {
  nats = await startNats({ dir: temporaryDir(), temporary: true });
  world_ = await world((user) => connectNats({ servers: nats.url, name: user, inboxUser: user, timeoutMs: 10_000 }));
  it = await fixture(world_, { 'crm-connector': connector, journal: journalService }, { salon });
  it.thinks(receptionist);
});
afterAll(async () => {
  await world_?.stop();
  await nats?.stop();
});

/** Offers times for a haircut, and proposes the one that is pressed. */
const receptionist: Brain = (request) => {
  const { pressed } = request.facts as { readonly pressed: { readonly ref: string } | null };
  if (lastResult(request) !== null) return { text: 'Есть свободное время, выберите удобное.' };
  if (pressed !== null) return { calls: [['create_appointment', { slot: pressed.ref, name: 'Анна' }]] };
  const last = request.messages.at(-1);
  if (last?.role === 'user' && /стрижк/i.test(last.text))
    return { calls: [['get_available_slots', { services: ['haircut'], day: 'на следующей неделе' }]] };
  return { text: 'Какая услуга нужна?' };
};

/** A process of its own, for what reads its standard input. */
function piped(words: readonly string[], input: string): Promise<Said> {
  const program = join(import.meta.dirname, '../../../scripts/polyb.js');
  const child = spawn(process.execPath, [program, 'dialogs', ...words], {
    env: { ...commandEnv(), NATS_USER: 'operator', POLYB_NATS_URL: nats.url },
    stdio: 'pipe',
  });
  child.stdin.end(input);
  return ended(child);
}
/** @param onNote each piece of stderr */
const dialogs = (words: readonly string[], onNote?: (text: string) => void): Promise<Said> =>
  runCommand(commands, ['dialogs', ...words], { natsUrl: nats.url, ...(onNote && { onNote }) });
const script = async (of: object): Promise<string> => {
  const file = join(dir, `${unique('script')}.json`);
  await writeFile(file, JSON.stringify(of));
  return file;
};
const appointments = async () =>
  (await world_.bus.call(booking.list_appointments, { days: 60 })).appointments.filter(({ status }) => status !== 'cancelled');

test('a conversation that is piped in books the time of a number after the title of an option confirms it', async () => {
  const session = unique('talk');
  const talked = await piped(
    ['talk', '--session', session, '--phone', '+79990000001', '-o', 'pretty'],
    'Добрый день\n\nХочу на стрижку\n2\nподтвердить\n/quit\nХочу на стрижку\n',
  );
  expect({ status: talked.status, stderr: talked.stderr }).toEqual({ status: 0, stderr: expect.stringContaining(session) });
  expect(talked.stdout).toMatch(/▸ Добрый день\n {2}◂ Какая услуга нужна\?\n {4}COLLECTING_INFO\n/);
  expect(talked.stdout).toMatch(/ 1 \S+ \d+ \S+ \d\d:\d\d .* 2 \S+ \d+ \S+ \d\d:\d\d/);
  expect(talked.stdout).toMatch(/◇ create open row_\S+ expires /);
  expect(talked.stdout).toContain('Готово, вы записаны.');
  expect(talked.stdout.match(/▸/g)).toHaveLength(4);
  expect(await appointments()).toHaveLength(1);

  const shown = await dialogs(['show', session, '-o', 'pretty']);
  expect(shown.stdout).toMatch(new RegExp(`^${session} {2}COMPLETED {2}auto {2}ru\n.* 4 turns {2}`));
  expect(shown.stdout).toMatch(/COLLECTING_INFO → BOOKING {2}book/);
  expect(shown.stdout).toMatch(
    / {4}1 test\/brain +\d\S* \w+ {2}10\+5 tokens\n {6}↳ get_available_slots +\d\S* \w+ {2}auto {2}done {2}.*day="на следующей неделе"/,
  );
  expect(shown.stdout).toMatch(/create_appointment .* customer {2}proposed {2}.*slot=s2.*\n {2}◂ \[ours\] Записываю так:\n {4}Стрижка/);
  expect(shown.stdout).toMatch(/◇ create done row_/);
  const last = JSON.parse((await dialogs(['show', session, '--turns', '1'])).stdout) as { turns: object[] };
  expect(last.turns).toEqual([expect.objectContaining({ said: ['Подтвердить'], state: 'COMPLETED' })]);
});

test('a claim that was held back is shown with its kind', async () => {
  const session = unique('claims');
  it.thinks(() => ({ text: 'Вы записаны на завтра в 15:00.' }));
  await it.say(session, 'Запишите меня');
  it.thinks(receptionist);
  const { stdout } = await dialogs(['show', session, '-o', 'pretty']);
  expect(stdout).toMatch(/✗ held back \(booked\): Вы записаны на завтра/);
  expect(stdout).toMatch(/◂ \[plain\] Скажите/);
});

test('ls lists the conversations of a state, mode and end change one', async () => {
  const session = unique('listed');
  await it.say(session, 'Здравствуйте');
  const listed = JSON.parse((await dialogs(['ls', '--state', 'COLLECTING_INFO'])).stdout) as { items: { state: string }[] };
  expect(new Set(listed.items.map(({ state }) => state))).toEqual(new Set(['COLLECTING_INFO']));
  expect(listed.items[0]).toMatchObject({ sessionId: session, mode: 'auto', turns: 1, endedAt: null });
  expect(await dialogs(['mode', session, 'off', '-o', 'pretty'])).toMatchObject({ status: 0, stdout: `${session}  the agent is silent\n` });
  expect(await it.say(session, 'Алло?')).toMatchObject({ reply: null });
  expect(await dialogs(['end', session])).toMatchObject({ status: 0 });
  expect((await it.session(session)).session).toMatchObject({ mode: 'off', endedAt: expect.any(String) });
});

test.each([
  [['show'], 2, 'polyb dialogs ls'],
  [['show', 'nobody'], 3, 'There is no conversation nobody'],
  [['mode', 'nobody', 'loud'], 2, 'expected a mode: auto, draft, off; got "loud"'],
  [['eval'], 2, 'polyb dialogs eval --help'],
  [['eval', 'missing.json'], 2, 'missing.json'],
] as const)('%j is refused', async (words, status, said) => {
  const ran = await dialogs(words);
  expect({ status: ran.status, said: ran.stderr }).toEqual({ status, said: expect.stringContaining(said) });
});

test('tail shows a turn of the named conversation when it is completed', async () => {
  const session = unique('tailed');
  const listening = Promise.withResolvers<void>();
  const tail = dialogs(['tail', session, '--count', '1'], () => listening.resolve());
  await listening.promise;
  await it.say(unique('other'), 'Здравствуйте');
  await it.say(session, 'Добрый день');
  const { status, stdout } = await tail;
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ sessionId: session, said: ['Добрый день'], reply: 'Какая услуга нужна?' });
});

const books = [
  { say: 'Хочу на стрижку', expect: { state: 'BOOKING', choices: 3, not: 'записан[аы]' } },
  { choose: 1, expect: { proposal: 'create', reply: 'верно' } },
  { choose: 'подтвердить', expect: { state: 'COMPLETED', proposal: 'none' } },
];

test('a script with the right effects passes, and leaves the calendar as it was', async () => {
  const before = (await appointments()).length;
  const file = await script({ name: 'books', phone: true, steps: books, effects: { booked: 1 } });
  const ran = await dialogs(['eval', file]);
  expect(JSON.parse(ran.stdout)).toMatchObject({
    failed: 0,
    conversations: [{ name: 'books', turns: 3, effects: { booked: 1 }, failures: [] }],
  });
  expect(ran.status).toBe(0);
  expect(ran.stderr).toContain('1 of 1 conversations went as expected, 0 had wrong effects');
  expect(await appointments()).toHaveLength(before);
});

test('a script fails for each effect, state, reply, proposal and option that differs', async () => {
  const elsewhere = '1 proposals to create are done, but the calendar shows 0 booked';
  const wrong: readonly (readonly [of: object, line: string])[] = [
    [{ steps: books, effects: { booked: 2 } }, 'expected booked 2, got 1'],
    [{ steps: books, effects: {} }, 'expected booked 0, got 1'],
    [{ steps: [{ say: 'Привет', expect: { state: 'BOOKING' } }], effects: {} }, 'step 1: expected state BOOKING, got COLLECTING_INFO'],
    [{ steps: [{ say: 'Привет', expect: { reply: 'цена' } }], effects: {} }, 'step 1: expected a reply like /цена/, got'],
    [{ steps: [{ say: 'Привет', expect: { not: 'УСЛУГА' } }], effects: {} }, 'step 1: expected no reply like /УСЛУГА/, got'],
    [{ steps: [{ say: 'Привет', expect: { proposal: 'move' } }], effects: {} }, 'step 1: expected proposal move, got none'],
    [{ steps: [{ say: 'Привет', expect: { choices: 1 } }], effects: {} }, 'step 1: expected 1 options, got 0'],
    [{ steps: [{ say: 'Привет' }, { choose: 'да' }], effects: {} }, 'step 2: no option да among none'],
    [{ steps: [{ say: 'Привет' }], effects: { handedOver: true } }, 'expected handedOver true, got false'],
    [{ phone: false, steps: [{ say: 'Хочу на стрижку, мой номер +79990000077' }, ...books.slice(1)], effects: {} }, elsewhere],
  ];
  const files = await Promise.all(wrong.map(([of, line]) => script({ name: line, phone: true, ...of })));
  const { status, stdout, stderr } = await dialogs(['eval', ...files]);
  const { conversations } = JSON.parse(stdout) as { conversations: { failures: string[] }[] };
  expect(conversations.map(({ failures }) => failures)).toEqual(wrong.map(([, line]) => [expect.stringContaining(line)]));
  expect(stderr).toContain('0 of 10 conversations went as expected, 3 had wrong effects');
  expect(status).toBe(9);
});

test('the figures of the check of claims need no service', async () => {
  const { status, stdout } = await dialogs(['eval', '--claims', '-o', 'pretty']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^claims held back +\d+ of 60 \(\d+\.\d %\)\n(?: {4}passed: .+\n)*harmless sentences passed +\d+ of 60 /);
});
