import { expect, test } from '@jest/globals';
import { russianRules } from '../talk/rules.ts';
import { createRealtimeTalk, endCall, type RealtimeEvent, type RealtimeOrder } from './machine.ts';

/** A talk after its greeting; `give` returns the orders without timers and notes. */
function talk(turns: 'own' | 'provider' = 'own') {
  const machine = createRealtimeTalk(russianRules, turns);
  let now = 0;
  const all: RealtimeOrder[] = [];
  const give = (event: RealtimeEvent, afterMs = 10): readonly RealtimeOrder[] => {
    now += afterMs;
    const orders = machine.give(event, now);
    all.push(...orders);
    return orders.filter(({ order }) => order !== 'wake' && order !== 'note');
  };
  const heard = (utterance: number, ms = 1_000) => give({ kind: 'played', utterance, ms, startedAt: now, isWhole: true }, ms);
  /** The customer speaks, and the following silence ends the turn. */
  const says = (ms = 1_000): readonly RealtimeOrder[] => {
    give({ kind: 'customer_started', at: now });
    const stopped = give({ kind: 'customer_stopped', at: now + ms }, ms + 200);
    return [...stopped, ...give({ kind: 'woken' }, russianRules.silenceMs)];
  };
  /** The model says one item, nothing of which has been heard yet. */
  const answers = (answer: string, calls: readonly string[] = []) => {
    give({ kind: 'answering', answer });
    const [play] = give({ kind: 'voiced', answer, item: `item_${answer}`, ms: 2_000 });
    give({ kind: 'text', answer, item: `item_${answer}`, text: 'Первое второе третье', hasAudio: true });
    give({ kind: 'said', answer, item: `item_${answer}` });
    const after = give({
      kind: 'answered',
      answer,
      outcome: 'completed',
      calls: calls.map((name) => ({ callId: name, name, arguments: '{}' })),
    });
    return { utterance: (play as { readonly utterance: number }).utterance, after };
  };
  give({ kind: 'started', direction: 'in' });
  give({ kind: 'opened' });
  heard(1);
  return { give, heard, says, answers, all, notes: () => all.flatMap((order) => (order.order === 'note' ? [order.entry] : [])) };
}
const names = (orders: readonly RealtimeOrder[]) => orders.map(({ order }) => order);

test('the end of a turn commits what was heard, and asks for one answer', () => {
  const { says } = talk();
  expect(says()).toEqual([{ order: 'commit', turn: 1 }, { order: 'answer' }]);
});

test('what begins before a proposal was heard does not decide on it, and what begins after it does', () => {
  const { give, says, heard, answers, all } = talk();
  says();
  answers('a', ['create_appointment']);
  give({ kind: 'tools_ran', say: 'Записываю так.', isProposal: true, handsOver: false });
  const proposal = (all.findLast(({ order }) => order === 'say') as { readonly utterance: number }).utterance;
  heard(2);
  give({ kind: 'customer_started', at: 0 });
  heard(proposal);
  give({ kind: 'customer_stopped', at: 1_000 });
  expect(names(give({ kind: 'woken' }))).toEqual(['commit', 'answer']);
  give({ kind: 'answering', answer: 'b' });
  give({ kind: 'answered', answer: 'b', outcome: 'cancelled', calls: [] });
  expect(names(says())).toEqual(['commit']);
  expect(give({ kind: 'turn_words', turn: 3, text: 'да' })).toEqual([{ order: 'run_tools', calls: [], said: 'да' }]);
});

test('what the customer waited is counted from their last sound', () => {
  const { give, answers, heard, notes } = talk();
  give({ kind: 'customer_started', at: 0 });
  give({ kind: 'customer_stopped', at: 1_000, soundAt: 920 });
  give({ kind: 'woken' }, russianRules.silenceMs + 1_000);
  heard(answers('a').utterance);
  expect(notes().find(({ waterfall }) => waterfall !== null)?.waterfall).toMatchObject({ lastSoundAt: 920 });
});

test('a proposal that waits behind an interrupted sentence is said after all', () => {
  const { give, says, answers } = talk();
  says();
  const { utterance } = answers('a', ['create_appointment']);
  give({ kind: 'tools_ran', say: 'Записываю так.', isProposal: true, handsOver: false });
  give({ kind: 'played', utterance, ms: 1_000, startedAt: 0, isWhole: false });
  give({ kind: 'customer_started', at: 0 });
  const orders = give({ kind: 'customer_speaks', ms: 900 });
  expect(names(orders)).toEqual(['hush', 'truncate', 'say']);
  expect(orders[1]).toMatchObject({ item: 'item_a', heardMs: 1_000 });
});

test('tools that end while the customer speaks bring no answer before the end of their turn, and one then', () => {
  const { give, says, answers, heard } = talk();
  says();
  const { utterance } = answers('a', ['get_services']);
  heard(utterance);
  give({ kind: 'customer_started', at: 10_000 });
  expect(give({ kind: 'tools_ran', say: null, isProposal: false, handsOver: false })).toEqual([]);
  give({ kind: 'customer_stopped', at: 11_000 });
  expect(names(give({ kind: 'woken' }, 10_000))).toContain('commit');
});

test('the line hangs up when the last frame of the leave was heard, not when it was said', () => {
  const { says, answers, heard } = talk();
  says();
  const { utterance, after } = answers('a', [endCall]);
  expect(names(after)).not.toContain('hang_up');
  expect(names(heard(utterance))).toEqual(['hang_up']);
});

test('an answer that was under way when the session broke off is asked for again by the next one', () => {
  const { give, says } = talk();
  says();
  give({ kind: 'answering', answer: 'a' });
  expect(give({ kind: 'lost' })).toEqual([]);
  expect(give({ kind: 'opened' })).toEqual([{ order: 'answer' }]);
});

test('the words of a customer come after the answer they caused began, and are in the transcript before it', () => {
  const { give, says, answers, heard, notes } = talk();
  says();
  heard(answers('a').utterance);
  give({ kind: 'turn_words', turn: 1, text: 'сколько стоит' });
  const spoken = notes().toSorted((a, b) => a.startedAt - b.startedAt);
  expect(spoken.map(({ who }) => who)).toEqual(['agent', 'customer', 'agent']);
});

test('if the provider finds turns, its verdict interrupts once the leg has reported what was heard', () => {
  const { give, says, answers } = talk('provider');
  says();
  answers('a');
  expect(names(give({ kind: 'customer_started', at: 100_000 }))).toEqual(['pause']);
  expect(names(give({ kind: 'woken' }, 100_200))).toEqual(['hush', 'truncate']);
});

test('after an empty answer it asks again twice, then says so to the caller', () => {
  const { give, says } = talk();
  says();
  const last = ['a', 'b', 'c'].map((answer) => {
    give({ kind: 'answering', answer });
    return give({ kind: 'answered', answer, outcome: 'completed', calls: [] });
  });
  expect(last.map(names)).toEqual([['answer'], ['answer'], ['say']]);
  expect(last[2]?.[0]).toMatchObject({ text: russianRules.trouble });
});

/** The dialog has handed over, and the model has said so. */
function handedOver() {
  const it = talk();
  it.says();
  it.heard(it.answers('a', ['ask_staff']).utterance);
  it.give({ kind: 'tools_ran', say: null, isProposal: false, handsOver: true });
  const { utterance, after } = it.answers('b');
  return { ...it, after, last: it.heard(utterance) };
}

test('a person is called after the last word of the model, and the line is not hung up', () => {
  const { after, last, give, says } = handedOver();
  expect([names(after), names(last)]).toEqual([[], ['transfer']]);
  give({ kind: 'held', isHeld: true });
  expect(names(says())).toEqual([]);
  expect(names(give({ kind: 'transferred' }))).toEqual([]);
  expect(names(give({ kind: 'held', isHeld: false }, 3_600_000))).toEqual([]);
});

test('if no person takes the call, the next words of the customer are a message for one, and then the line hangs up', () => {
  const { give, says, heard, all, notes } = handedOver();
  const [asks] = give({ kind: 'transfer_failed' });
  expect(asks).toMatchObject({ order: 'say', text: russianRules.leaveMessage });
  heard((asks as { readonly utterance: number }).utterance);
  expect(names(says())).toEqual(['commit']);
  const turn = (all.findLast(({ order }) => order === 'commit') as { readonly turn: number }).turn;
  const taken = give({ kind: 'turn_words', turn, text: 'перезвоните мне завтра' });
  expect(taken).toMatchObject([
    { order: 'run_tools', calls: [], said: 'перезвоните мне завтра' },
    { order: 'say', text: russianRules.messageTaken },
  ]);
  expect(notes().at(-1)).toMatchObject({ who: 'customer', text: 'перезвоните мне завтра' });
  expect(names(heard((taken[1] as { readonly utterance: number }).utterance))).not.toContain('hang_up');
  expect(names(give({ kind: 'tools_ran', say: null, isProposal: false, handsOver: true }))).toEqual(['hang_up']);
});

test('a message without words ends the call, and nobody says that it was taken', () => {
  const { give, says, heard } = handedOver();
  const [asks] = give({ kind: 'transfer_failed' });
  heard((asks as { readonly utterance: number }).utterance);
  says();
  expect(give({ kind: 'woken' }, 5_000)).toMatchObject([{ order: 'say', text: russianRules.nobodyHeard }]);
});

test('a model that takes leave and hands over at once hangs up', () => {
  const { says, heard, answers, give } = talk();
  says();
  heard(answers('a', ['ask_staff', endCall]).utterance);
  give({ kind: 'tools_ran', say: null, isProposal: false, handsOver: true });
  expect(names(heard(answers('b').utterance))).toEqual(['hang_up']);
});

test('on hold, and while a person has the call, the longest talk does not pass', () => {
  const { give } = talk();
  give({ kind: 'held', isHeld: true }, 1_000);
  expect(give({ kind: 'woken' }, 2 * russianRules.maxMs)).toEqual([]);
  give({ kind: 'held', isHeld: false });
  expect(names(give({ kind: 'woken' }, russianRules.maxMs))).toContain('say');
});
