import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Aimock, aimock } from '../../../test/kit/aimock.ts';
import { speechModelConformance } from '../../realtime/conformance.ts';
import type { SpeechEvent, SpeechModel } from '../../realtime/port.ts';
import { openAiRealtime } from './realtime.ts';

const modelOf = (url: string, silentMs = 60_000): SpeechModel =>
  openAiRealtime({
    apiKey: 'sk-test',
    url,
    model: 'gpt-realtime-2.1',
    voice: 'marin',
    transcriptionModel: 'gpt-4o-mini-transcribe',
    silentMs,
  });

speechModelConformance('openai', { modelOf });

let emulator: Aimock;
beforeAll(async () => {
  emulator = await aimock([
    { match: { toolCallId: 'call_1' }, response: { content: 'Завтра в 18:30.' } },
    {
      match: { userMessage: 'когда' },
      response: { content: 'Секунду.', toolCalls: [{ id: 'call_1', name: 'get_available_slots', arguments: '{"day":"завтра"}' }] },
    },
    { match: { userMessage: 'авария' }, response: { error: { message: 'overloaded', type: 'server_error' }, status: 500 } },
  ]);
});
afterAll(() => emulator.stop());

async function answersOf(words: string, answers: number) {
  const session = await modelOf(`${emulator.url.replace('http', 'ws')}/v1/realtime`).open(
    { instructions: 'Ты администратор.', tools: [], language: 'ru-RU', turns: 'own', history: [{ who: 'customer', text: words }] },
    AbortSignal.timeout(20_000),
  );
  session.answer();
  const events: SpeechEvent[] = [];
  for await (const event of session.events) {
    events.push(event);
    if (event.kind !== 'answered') continue;
    for (const { callId } of event.calls) session.result(callId, '{"slots":["18:30"]}');
    if (events.filter(({ kind }) => kind === 'answered').length === answers) break;
    session.answer();
  }
  return events;
}
test('an emulator by other hands understands the session: a text with a call, and the text after its result', async () => {
  const events = await answersOf('когда можно прийти?', 2);
  const [first] = events.filter((event) => event.kind === 'answered');
  expect(first?.calls).toEqual([{ callId: 'call_1', name: 'get_available_slots', arguments: '{"day":"завтра"}' }]);
  const texts = events.flatMap((event) => (event.kind === 'text' ? [event.text] : [])).join('');
  expect(texts).toBe('Секунду.Завтра в 18:30.');
  expect(events.some((event) => event.kind === 'text' && event.hasAudio)).toBe(false);
});
test('an answer that failed there is told as failed, and leaves the session open', async () => {
  const events = await answersOf('авария', 1);
  expect(events.at(-1)).toMatchObject({ kind: 'answered', outcome: 'failed', calls: [] });
});
