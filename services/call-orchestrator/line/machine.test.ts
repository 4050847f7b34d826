import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type LineEvent, type LineOrder, moveLine, newLine } from './machine.ts';
import { briefingScript, builtInScript, LineScript, peopleScript } from './script.ts';

/** Runs events through the machine; a time is a number before its event. */
function run(script: LineScript) {
  let state = newLine;
  let now = 0;
  return {
    get state() {
      return state;
    },
    at(ms: number) {
      now = ms;
    },
    /** Applies an event; returns the orders in short form. */
    give(event: LineEvent): string[] {
      const moved = moveLine(script, state, event, now);
      state = moved.state;
      return moved.orders.flatMap(brief);
    },
    said(): string[] {
      return this.give({ kind: 'said', id: String(state.said) });
    },
    keys(keys: string): string[] {
      return [...keys].flatMap((key) => this.give({ kind: 'key', key }));
    },
  };
}
function brief(order: LineOrder): string[] {
  switch (order.order) {
    case 'say':
      return [`say ${order.parts.map((part) => (typeof part === 'string' ? part : part.wav)).join(' ')}`];
    case 'wake':
      return order.at === null ? [] : [`wake ${order.at}`];
    case 'record':
      return [`record ${order.on}`];
    case 'pause_recording':
      return [`pause ${order.isPaused}`];
    case 'transfer':
      return [`transfer ${order.to.join(' ')}`];
    default:
      return [order.order];
  }
}
const asking = (more: object = {}) =>
  LineScript.parse({
    start: 'ask',
    steps: {
      ask: { do: 'read_keys', prompt: 'Номер?', timeoutMs: 1_000, repeats: 1, next: 'repeat', onNone: 'bye', ...more },
      repeat: { do: 'say', text: 'Это {keys}', next: 'bye' },
      bye: { do: 'say', text: 'Пока' },
    },
  });

test('the built-in script greets, records after the notice, reads keys until #, repeats them once, and hangs up after its last word', () => {
  const line = run(builtInScript);
  expect(line.give({ kind: 'started' })).toEqual(['say Здравствуйте! Разговор записывается.']);
  expect(line.said()).toEqual(['record true', 'say Наберите номер вашего заказа и нажмите решётку.']);
  expect(line.said()).toEqual(['wake 6000']);
  expect(line.keys('15')).toEqual(['wake 6000', 'wake 6000']);
  expect(line.keys('#')).toEqual(['say Вы набрали: 1, 5.']);
  expect(line.said()).toEqual(['say Спасибо! Мы вам перезвоним. До свидания.']);
  expect(line.said()).toEqual(['hang_up']);
  expect(line.state.at).toBeNull();
});

test('the recording pauses while secret keys are read, and they are not spoken', () => {
  const line = run(asking({ isSecret: true }));
  expect(line.give({ kind: 'started' })).toEqual(['pause true', 'say Номер?']);
  line.said();
  expect(line.keys('4276#').slice(-2)).toEqual(['pause false', 'say Это ']);
  const silent = run(asking({ isSecret: true, repeats: 0 }));
  silent.give({ kind: 'started' });
  silent.said();
  expect(silent.give({ kind: 'woken' })).toEqual(['pause false', 'say Пока']);
});

test('a key during the prompt interrupts it', () => {
  const line = run(asking());
  line.give({ kind: 'started' });
  expect(line.keys('7')).toEqual(['hush', 'wake 1000']);
  expect(line.said()).toEqual([]); // the prompt that was interrupted
  expect(line.keys('#')).toEqual(['say Это 7']);
});

test('without a key the prompt is said again as often as the script says, then the call goes on elsewhere', () => {
  const line = run(asking());
  line.give({ kind: 'started' });
  expect(line.said()).toEqual(['wake 1000']);
  expect(line.give({ kind: 'woken' })).toEqual(['say Номер?']);
  line.said();
  expect(line.give({ kind: 'woken' })).toEqual(['say Пока']);
});

test('keys after which no # comes are taken when the time is over', () => {
  const line = run(asking());
  line.give({ kind: 'started' });
  line.said();
  line.at(500);
  expect(line.keys('42')).toEqual(['wake 1500', 'wake 1500']);
  expect(line.give({ kind: 'woken' })).toEqual(['say Это 4, 2']);
});

test('the last of the most keys ends them, and # alone is no key', () => {
  const line = run(asking({ most: 2 }));
  line.give({ kind: 'started' });
  line.said();
  expect(line.keys('#')).toEqual(['say Номер?']);
  expect(line.keys('12')).toEqual(['hush', 'wake 1000', 'say Это 1, 2']);
});

test('a choice goes where its option says, and any other key asks again', () => {
  const script = LineScript.parse({
    start: 'menu',
    steps: { menu: { do: 'choose', prompt: 'Один?', options: { 1: 'yes' } }, yes: { do: 'say', text: 'Да' } },
  });
  const line = run(script);
  line.give({ kind: 'started' });
  expect(line.keys('9')).toEqual(['hush', 'say Один?']);
  expect(line.keys('1')).toEqual(['hush', 'say Да']);
});

test('the beep of a mailbox goes to the step for machines, which drops what was being said; without one the script goes on', () => {
  const script = LineScript.parse({
    start: 'hello',
    onMachine: 'leave',
    steps: { hello: { do: 'say', text: 'Алло' }, leave: { do: 'say', text: 'Перезвоните' } },
  });
  const line = run(script);
  line.give({ kind: 'started' });
  expect(line.give({ kind: 'machine' })).toEqual(['hush', 'say Перезвоните']);
  const plain = run(asking());
  plain.give({ kind: 'started' });
  expect(plain.give({ kind: 'machine' })).toEqual([]);
});

test('on hold nothing is said, no time runs and no key counts; afterwards the question is asked again and the keys are kept', () => {
  const line = run(asking());
  line.give({ kind: 'started' });
  line.said();
  line.keys('4');
  expect(line.give({ kind: 'held', isHeld: true })).toEqual(['hush']);
  expect([...line.give({ kind: 'woken' }), ...line.said(), ...line.keys('9')]).toEqual([]);
  expect(line.give({ kind: 'held', isHeld: false })).toEqual(['say Номер?']);
  expect(line.keys('2#')).toEqual(['hush', 'wake 1000', 'say Это 4, 2']);
});

test('if no person takes the call the excuse follows; if one does, the script ends', () => {
  const [failed, taken] = [run(peopleScript(['+79995550001'], 1)), run(peopleScript(['+79995550001'], 1))];
  for (const line of [failed, taken]) {
    line.give({ kind: 'started' });
    expect(line.said()).toEqual(['transfer +79995550001']);
  }
  expect(failed.give({ kind: 'transfer_failed' })[0]).toMatch(/никто не может ответить/);
  expect(taken.give({ kind: 'transferred' })).toEqual([]);
  expect(taken.state.at).toBeNull();
});

test('a person is briefed, takes the call with a key and refuses it with another; one who is too late hears so', () => {
  const line = run(briefingScript('Анна ждёт ответа.'));
  expect(line.give({ kind: 'started' })[0]).toMatch(/Анна ждёт ответа\. Чтобы принять звонок/);
  expect(line.keys('1')).toEqual(['hush', 'connect']);
  expect(line.give({ kind: 'transfer_failed' })[0]).toMatch(/не ждёт/);
  const refusing = run(briefingScript('Анна ждёт ответа.'));
  refusing.give({ kind: 'started' });
  expect(refusing.keys('2')).toEqual(['hush', 'hang_up']);
});

test('a person without a summary is connected at once', () => {
  expect(run(briefingScript(null)).give({ kind: 'started' })).toEqual(['connect']);
});

test('steps without a word that lead to each other end the call', () => {
  const circle = { start: 'a', steps: { a: { do: 'record', on: true, next: 'b' }, b: { do: 'record', on: false, next: 'a' } } };
  expect(run(LineScript.parse(circle)).give({ kind: 'started' }).at(-1)).toBe('hang_up');
});

test('a script that names a step that is not there is refused', () => {
  const missing = { start: 'a', steps: { a: { do: 'say', text: 'Да', next: 'b' } } };
  expect(LineScript.safeParse(missing).error?.issues.map(({ message }) => message)).toEqual(['there is no step b']);
});

test('whatever comes in whatever order, a script whose words are all heard ends after a hang-up and says nothing more', () => {
  const event = fc.oneof(
    fc.constantFrom<LineEvent>({ kind: 'woken' }, { kind: 'held', isHeld: true }, { kind: 'held', isHeld: false }),
    fc.constantFrom(...'0159*#').map((key): LineEvent => ({ kind: 'key', key })),
    fc.integer({ min: 0, max: 9 }).map((id): LineEvent => ({ kind: 'said', id: String(id) })),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const line = run(builtInScript);
      line.give({ kind: 'started' });
      for (const each of events) {
        const wasOver = line.state.at === null;
        const orders = line.give(each);
        if (wasOver) expect(orders).toEqual([]);
        if (line.state.isHeld) expect(orders.filter((order) => order.startsWith('say'))).toEqual([]);
      }
      line.give({ kind: 'held', isHeld: false });
      for (let n = 0; n < 20 && line.state.at !== null; n += 1) line.state.phase === 'saying' ? line.said() : line.give({ kind: 'woken' });
      expect(line.state.at).toBeNull();
    }),
  );
});
