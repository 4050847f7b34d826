import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { service } from '../../bus/service.ts';
import { asr } from '../../contracts/asr.ts';
import { inbox } from '../../contracts/inbox.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { until, type World, world } from '../../test/kit/world.ts';
import { type Fixture, fixture, token } from './fixture.ts';

let here: World;
let at: Fixture;
const heard: { contentType: string; language: string; bytes: number }[] = [];
let answer: () => AsyncIterable<string> | Iterable<string>;
const rest = { confidence: null, words: [], startMs: 0, endMs: 1_000, provider: 'test' };
/** A transcription service controlled by the test. */
const ears = service({ serves: { asr }, settings: z.object({}) }).start(async () => ({
  asr: {
    recognize: async () => {
      throw new PolybError('unavailable', 'recordings are followed');
    },
    async *recognize_stream() {},
    async *follow_recording({ audio, contentType, language }) {
      heard.push({ contentType, language, bytes: audio instanceof Uint8Array ? audio.length : 0 });
      for await (const text of answer()) yield { kind: 'final', text, ...rest };
    },
    capabilities: async () => ({ ears: [] }),
  },
}));
beforeAll(async () => {
  here = await world();
  await here.start('asr', ears);
});
beforeEach(async () => {
  heard.length = 0;
  answer = () => ['привезите букет', 'к шести'];
  at = await fixture(here);
});
afterEach(() => at.close());
afterAll(() => here.stop());

let nextId = 1;
function speak(fileId: string): void {
  const id = nextId++;
  at.telegram.update(token, {
    message: {
      message_id: id,
      date: 1_790_000_000,
      chat: { id: 42, type: 'private', first_name: 'Анна' },
      from: { id: 42, is_bot: false, first_name: 'Анна' },
      voice: { file_id: fileId, file_unique_id: fileId, duration: 2, mime_type: 'audio/ogg' },
    },
  });
}
const stateOf = async () =>
  (await here.store.query<{ state: string; kept: number | null }>('select state, length(body) as kept from collector.voices'))[0];
const reaches = (state: string) => until(async () => ((await stateOf())?.state === state ? true : null));
/** Makes scheduled retries due now. */
const hurry = () =>
  here.store.query(
    "update collector.voices set next_at = now() where attempts > 0 and next_at > now() and next_at < now() + interval '100 seconds'",
  );

test('a voice message is heard once, and its words are found, shown and told', async () => {
  at.telegram.file('v1', Buffer.from('OggS'));
  speak('v1');
  await reaches('heard');
  expect(heard).toEqual([{ contentType: 'audio/ogg', language: 'ru-RU', bytes: 4 }]);
  const [found] = await at.messages({ q: 'букеты' });
  expect(found).toMatchObject({ kind: 'voice', text: 'привезите букет к шести' });
  expect(await at.told('inbox.message_transcribed')).toEqual([
    { messageId: found?.messageId, chatId: found?.chatId, at: expect.any(String) },
  ]);
});

test('a recording that nobody could hear is tried again and heard later', async () => {
  at.telegram.file('v1', Buffer.from('OggS'));
  answer = () => {
    throw new PolybError('unavailable', 'busy');
  };
  speak('v1');
  await until(() => heard[0]);
  answer = () => ['теперь слышно'];
  await until(async () => {
    await hurry();
    return (await stateOf())?.state === 'heard' || null;
  });
  expect((await at.messages())[0]?.text).toBe('теперь слышно');
});

test('the reservation of a recording is extended while words of it are heard', async () => {
  at.telegram.file('v1', Buffer.from('OggS'));
  const isReserved = async () => {
    const [row] = await here.store.query<{ reserved: boolean }>(
      "select next_at > now() + interval '60 seconds' as reserved from collector.voices",
    );
    return row?.reserved ?? false;
  };
  const steps: string[] = [];
  const { promise: more, resolve: sayMore } = Promise.withResolvers<void>();
  answer = async function* () {
    steps.push('begun');
    // As long after the reservation as a long recording takes.
    await here.store.query("update collector.voices set next_at = now() + interval '10 seconds'");
    yield 'привезите';
    await more;
    yield 'букет';
  };
  speak('v1');
  await until(async () => (steps.length > 0 && (await isReserved())) || null);
  sayMore();
  await reaches('heard');
  expect([steps, (await at.messages())[0]?.text]).toEqual([['begun'], 'привезите букет']);
});

test('a recording that Telegram has no more is given up, and the message stays', async () => {
  speak('never');
  await reaches('gone');
  const [stored] = await at.messages();
  expect(stored?.file).toMatchObject({ isKept: false });
  await expect(here.bus.call(inbox.get_voice, { messageId: stored?.messageId ?? '' })).rejects.toMatchObject({
    code: 'failed_precondition',
    reason: 'not_kept',
  });
});

test('a download that breaks is tried again', async () => {
  at.telegram.file('v1', Buffer.from('OggS'));
  at.telegram.order({ do: 'refuse', on: 'getFile', status: 502 });
  speak('v1');
  await until(async () => {
    await hurry();
    return (await stateOf())?.state === 'heard' || null;
  });
  expect((await stateOf())?.kept).toBe(4);
});
