/** Tests that every speech model must pass; each adapter's test calls them with a server of its provider's events. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { decode, encode } from '../../media/audio/g711.ts';
import { goertzel } from '../../media/audio/goertzel.ts';
import { makeTone } from '../../media/audio/tones.ts';
import type { SpeechEvent, SpeechModel, SpeechOptions, SpeechSession } from './port.ts';
import { type FakeAnswer, type FakeRealtimeOptions, fakeRealtime } from './realtime.fake.ts';

/** The tone that stands for each word, Hz. */
const tones = { да: 500, нет: 900, привет: 1_300 } as const;
export const toneOf = (word: keyof typeof tones, ms = 500): Uint8Array => encode('PCMU', makeTone({ hz: [tones[word]], ms, dbm0: -12 }));
export const wordOf = (pcmu: Uint8Array): string => {
  const samples = decode('PCMU', pcmu);
  const level = (word: string): number => goertzel(samples, tones[word as keyof typeof tones]);
  return Object.keys(tones).reduce((best, word) => (level(word) > level(best) ? word : best));
};
const patienceMs = 60_000;
const silence = (ms: number): Uint8Array => new Uint8Array(ms * 8).fill(0xff);
const setup: SpeechOptions = {
  instructions: 'Ты администратор.',
  tools: [{ name: 'get_services', description: 'Services.', parameters: { type: 'object', properties: {} } }],
  ...{ language: 'ru-RU', turns: 'own', history: [] },
};

export function speechModelConformance(
  name: string,
  at: Omit<FakeRealtimeOptions, 'words' | 'answers'> & { readonly modelOf: (url: string, silentMs: number) => SpeechModel },
): void {
  describe(`${name} is a speech model`, () => {
    const ending: (() => unknown)[] = [];
    afterEach(async () => {
      for (const end of ending.splice(0).reverse()) await end();
    });
    /** @param silentMs how long the provider may be silent; longer than a busy machine is, unless the test is about it */
    async function opened(answers: FakeRealtimeOptions['answers'], more: Partial<SpeechOptions> = {}, silentMs = patienceMs) {
      const { modelOf, ...options } = at;
      const server = await fakeRealtime({ words: wordOf, answers, ...options });
      ending.push(server.close);
      const session = await modelOf(server.url, silentMs).open({ ...setup, ...more }, AbortSignal.timeout(patienceMs));
      ending.push(session.close);
      const events: SpeechEvent[] = [];
      const ended = (async () => {
        for await (const event of session.events) events.push(event);
      })();
      ended.catch(() => {}); // A test that breaks the session awaits it.
      return { server, session, events, ended };
    }
    const kinds = (events: readonly SpeechEvent[]): readonly string[] => events.map(({ kind }) => kind);
    const until = async <T>(look: () => T | undefined | false): Promise<T> => {
      for (const since = Date.now(); ; ) {
        const found = look();
        if (found !== undefined && found !== false) return found;
        if (Date.now() - since > patienceMs) throw new Error('it did not come');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const answered = (events: readonly SpeechEvent[], nth = 1): (() => Extract<SpeechEvent, { kind: 'answered' }> | undefined) => {
      return () => events.filter((event) => event.kind === 'answered')[nth - 1];
    };
    const say = (session: SpeechSession, word: keyof typeof tones): void => {
      for (const part of [toneOf(word)]) session.hear(part);
      session.commit();
      session.answer();
    };

    test('hears a turn, writes it down, and answers with audio of the right pitch and length', async () => {
      const { session, events } = await opened(() => ({ says: 'Здравствуйте, слушаю вас.', ms: 1_000 }));
      say(session, 'привет');
      await until(answered(events));
      expect(events.find((event) => event.kind === 'words' && event.isFinal)).toMatchObject({ text: 'привет' });
      const text = events.flatMap((event) => (event.kind === 'text' ? [event.text] : [])).join('');
      expect(text).toBe('Здравствуйте, слушаю вас.');
      const audio = Buffer.concat(events.flatMap((event) => (event.kind === 'audio' ? [event.pcmu] : [])));
      expect(Math.abs(audio.length - 8_000)).toBeLessThan(80);
      expect(kinds(events).indexOf('said')).toBeGreaterThan(kinds(events).lastIndexOf('audio'));
    });

    test('a call has its arguments, and its result is in the conversation before the next answer', async () => {
      const answers: FakeRealtimeOptions['answers'] = (items): FakeAnswer =>
        items.at(-1)?.role === 'tool'
          ? { says: `Готово: ${items.at(-1)?.text}` }
          : { says: 'Смотрю.', calls: [{ name: 'get_services', arguments: { query: 'стрижка' } }] };
      const { session, events } = await opened(answers);
      say(session, 'да');
      const [call] = (await until(answered(events))).calls;
      expect(call).toMatchObject({ name: 'get_services', arguments: '{"query":"стрижка"}' });
      session.result(call?.callId ?? '', '{"n":1}');
      session.answer();
      await until(answered(events, 2));
      const text = events.flatMap((event) => (event.kind === 'text' ? [event.text] : [])).join('');
      expect(text).toBe('Смотрю.Готово: {"n":1}');
    });

    test('two requests while an answer is under way bring one answer after it', async () => {
      const { session, events, server } = await opened((_items, nth) => ({ says: `Ответ ${nth}` }));
      say(session, 'да');
      session.answer();
      session.answer();
      await until(answered(events, 2));
      session.note('customer', 'ещё');
      session.answer();
      await until(answered(events, 3));
      expect(server.received.filter(({ type }) => type === 'response.create')).toHaveLength(3);
      expect(kinds(events)).not.toContain('refused');
    });

    test('an interrupted item is truncated to what was heard, and an unheard one is deleted', async () => {
      const { session, events, server } = await opened((_items, nth) => ({
        says: nth === 1 ? 'Длинный ответ на вопрос.' : 'Второй.',
        ms: 2_000,
      }));
      say(session, 'да');
      await until(answered(events));
      const [item] = events.flatMap((event) => (event.kind === 'said' ? [event.item] : []));
      session.truncate(item ?? '', 1_000.4);
      session.answer();
      await until(answered(events, 2));
      session.truncate(events.flatMap((event) => (event.kind === 'said' ? [event.item] : []))[1] ?? '', 0);
      await until(() => server.items.every(({ text }) => text !== 'Второй.'));
      expect(server.items.find(({ id }) => id === item)).toMatchObject({ text: 'Длинный отве', ms: 1_000 });
      expect(kinds(events)).not.toContain('refused');
    });

    test('nothing of a cancelled answer follows, whether it had begun or not, and the next one is whole', async () => {
      const { session, events, server } = await opened((_items, nth) =>
        nth < 3 ? { says: 'Длинный ответ.', ms: 60_000, calls: [{ name: 'get_services', arguments: {} }] } : { says: 'Да.' },
      );
      say(session, 'да');
      await until(() => kinds(events).includes('audio'));
      session.cancel();
      const before = events.length;
      session.answer();
      await until(() => server.received.filter(({ type }) => type === 'response.create').length === 2);
      session.cancel();
      session.answer();
      await until(answered(events));
      const after = events.slice(before);
      expect(after.filter(({ kind }) => kind === 'answering')).toHaveLength(1);
      expect(after.flatMap((event) => (event.kind === 'text' ? [event.text] : [])).join('')).toBe('Да.');
      expect(answered(events)()).toMatchObject({ outcome: 'completed', calls: [] });
    });

    test('where the provider finds turns, it reports begin and end of speech, and answers when it is asked', async () => {
      const { session, events } = await opened(() => ({ says: 'Да.' }), { turns: 'server_vad' });
      for (const part of [silence(500), toneOf('нет'), silence(600)]) session.hear(part);
      await until(() => kinds(events).includes('words'));
      const [started, stopped] = ['speech_started', 'speech_stopped'].map((kind) => events.find((event) => event.kind === kind));
      expect(Math.abs((started as { atMs: number }).atMs - 500)).toBeLessThan(100);
      expect(Math.abs((stopped as { atMs: number }).atMs - 1_000)).toBeLessThan(100);
      expect(kinds(events)).not.toContain('answering');
      session.answer();
      await until(answered(events));
    });

    test('a conversation goes on where another session left it', async () => {
      const { server } = await opened(() => ({ says: 'Да.' }), {
        history: [
          { who: 'agent', text: 'Слушаю.' },
          { who: 'customer', text: 'Запишите меня.' },
        ],
      });
      await until(() => server.items.length === 2);
      expect(server.items.map(({ role, text }) => [role, text])).toEqual([
        ['assistant', 'Слушаю.'],
        ['user', 'Запишите меня.'],
      ]);
    });

    test('other instructions and tools replace the former ones', async () => {
      const { session, server } = await opened(() => ({ says: 'Да.' }));
      session.update({ instructions: 'Прощайся.', tools: [] });
      await until(() => server.connections.at(-1)?.setup().instructions === 'Прощайся.');
      expect(server.connections.at(-1)?.setup()).toMatchObject({ tools: [], audio: { input: { turn_detection: null } } });
    });

    test('a provider that falls silent while an answer is due is left', async () => {
      const { session, server, ended, events } = await opened(() => ({ says: 'Да.' }), {}, 2_000);
      say(session, 'да');
      await until(answered(events));
      server.stall();
      session.answer();
      await expect(ended).rejects.toMatchObject({ code: 'unavailable', reason: 'session_silent' });
    });

    test('a connection that breaks is a failure, and one closed by this side is not', async () => {
      const broken = await opened(() => ({ says: 'Да.' }));
      broken.server.drop();
      await expect(broken.ended).rejects.toMatchObject({ code: 'unavailable', reason: 'session_closed' });
      const closed = await opened(() => ({ says: 'Да.' }));
      closed.session.close();
      await closed.ended;
    });

    test('a wrong key is said to be one', async () => {
      const { modelOf, ...options } = at;
      const server = await fakeRealtime({ words: wordOf, answers: () => ({}), ...options, apiKey: 'another' });
      ending.push(server.close);
      await expect(modelOf(server.url, patienceMs).open(setup, AbortSignal.timeout(20_000))).rejects.toMatchObject({
        code: 'failed_precondition',
        reason: 'upstream_credentials',
      });
    });
  });
}
