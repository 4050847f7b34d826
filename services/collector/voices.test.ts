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
let answer: () => { text: string; confidence: number | null };
const rest = { words: [], provider: 'test', durationMs: 1_000 };
/** A transcription service controlled by the test. */
const ears = service({ serves: { asr }, settings: z.object({}) }).start(async () => ({
  asr: {
    recognize: async ({ audio, contentType, language }) => {
      heard.push({ contentType, language, bytes: audio instanceof Uint8Array ? audio.length : 0 });
      return { ...answer(), ...rest };
    },
    async *recognize_stream() {},
    async *follow_recording() {},
    capabilities: async () => ({ ears: [] }),
  },
}));
beforeAll(async () => {
  here = await world();
  await here.start('asr', ears);
});
beforeEach(async () => {
  heard.length = 0;
  answer = () => ({ text: 'привезите букет к шести', confidence: 0.9 });
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
  answer = () => ({ text: 'теперь слышно', confidence: null });
  await until(async () => {
    await hurry();
    return (await stateOf())?.state === 'heard' || null;
  });
  expect((await at.messages())[0]?.text).toBe('теперь слышно');
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
