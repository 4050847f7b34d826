/** The fakes of speech models as a person runs them, reached with the settings that they print. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { createHttp } from '../../../adapters/http.ts';
import { realtimeAdapters } from '../../../adapters/realtime/index.ts';
import type { SpeechEvent, SpeechModel, SpeechOptions } from '../../../adapters/realtime/port.ts';
import { espeak, espeakSettings } from '../../../adapters/tts/espeak.ts';
import { fakeOpenAiModel, fakeYandexModel } from './mock-speech-models.ts';

const signal = AbortSignal.timeout(60_000);
const options: SpeechOptions = {
  instructions: 'Услуги:\n- haircut: Стрижка, 60 мин, 1 500 ₽\n',
  tools: [],
  ...{ language: 'ru-RU', turns: 'own', history: [] },
};
const slots = JSON.stringify({
  outcome: 'done',
  result: { slots: [{ slot: 's1', weekday: 'вторник', date: '2026-12-01', time: '10:00', employee: null, service: 'Стрижка' }] },
});

test.each(['openai', 'yandex'] as const)(
  'the fake of %s hears a spoken request, looks for times, and speaks what they are',
  async (kind) => {
    const notes: string[] = [];
    const start = kind === 'openai' ? fakeOpenAiModel : fakeYandexModel;
    const fake = await start({ port: undefined, gatewayPort: '1', note: (line) => void notes.push(line) });
    const { settings, create } = realtimeAdapters[kind];
    const http = createHttp({ allowPrivate: [] });
    const model: SpeechModel = create(settings.parse(fake.settings) as never, { http, now: Date.now } as never);
    const session = await model.open(options, signal);
    const events: SpeechEvent[] = [];
    const answered = async (): Promise<Extract<SpeechEvent, { kind: 'answered' }>> => {
      for (;;) {
        const { value } = await session.events[Symbol.asyncIterator]().next();
        events.push(value);
        if (value.kind === 'answered') return value;
      }
    };
    session.hear(await espeak(espeakSettings.parse({})).speak({ text: 'запишите меня на стрижку', language: 'ru-RU' }, signal));
    session.commit();
    session.answer();
    const { calls } = await answered();
    expect(events.find((event) => event.kind === 'words' && event.isFinal)).toMatchObject({ text: 'запишите меня на стрижку' });
    expect(calls).toMatchObject([{ name: 'get_available_slots', arguments: '{"services":["haircut"]}' }]);
    session.result(calls[0]?.callId ?? '', slots);
    const before = events.length;
    session.answer();
    await answered();
    const after = events.slice(before);
    expect(after.flatMap((event) => (event.kind === 'text' ? [event.text] : [])).join('')).toContain('вторник, 1 декабря, в 10:00');
    const bytes = after.reduce((sum, event) => sum + (event.kind === 'audio' ? event.pcmu.length : 0), 0);
    expect(bytes).toBeGreaterThan(8_000);
    expect(notes).toEqual(expect.arrayContaining(['heard: запишите меня на стрижку', '← response.create']));
    session.close();
    await http.close();
    await fake.close();
  },
);

test('a call that rings is announced as often as asked, each time signed, and as one call', async () => {
  const got: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }[] = [];
  const gateway = createServer(async (request, response) => {
    got.push({ headers: request.headers as Record<string, string>, body: await buffer(request) });
    response.end('{"isFirst":true}');
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const gatewayPort = String((gateway.address() as AddressInfo).port);
  const fake = await fakeOpenAiModel({ port: undefined, gatewayPort, note: () => {} });
  const reply = await fetch(`${fake.url}/ring`, { method: 'POST', body: '{"from":"+79995550111","times":2}' });
  expect(await reply.json()).toMatchObject({ replies: [{ status: 200 }, { status: 200 }] });
  expect((await fetch(`${fake.url}/say`, { method: 'POST', body: '{"text":"Алло"}' })).status).toBe(409);
  const http = createHttp({ allowPrivate: [] });
  const { create, settings } = realtimeAdapters.openai;
  const { sip } = create(settings.parse(fake.settings), { http, now: Date.now } as never);
  const read = got.map((delivery) => sip?.read(delivery));
  expect(read).toHaveLength(2);
  expect(read[0]).toMatchObject({ line: '100', phoneNumber: '+79995550111' });
  expect(read[1]).toEqual(read[0]);
  await http.close();
  await fake.close();
  await new Promise((resolve) => gateway.close(resolve));
});
