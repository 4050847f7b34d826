import { expect, test } from '@jest/globals';
import { opusFile } from '../../../media/audio/opus.ts';
import { telegramFake } from './fake.ts';

test('a customer of the fake repeats an update, shares contacts that are not theirs, and writes to a business account', async () => {
  const token = '7001:AAAA-test';
  const fake = await telegramFake({ tokens: [token] });
  try {
    const post = async (path: string, body: object) =>
      (
        await fetch(`${fake.url}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
      ).json();
    await post('say', { from: 501, text: 'twice', times: 2 });
    await post('contact', { from: 501, phone: '79995550001', owner: 502, isForwarded: true });
    expect(await post('contact', { from: 501, phone: '79995550001' })).toMatchObject({ ok: false, error_code: 400 });
    await post('business', { from: 503, text: 'hello' });
    await post('business', { from: 503, text: 'I am here', isOwner: true });
    const { result } = (await post(`bot${token}/getUpdates`, {})) as { result: readonly { readonly update_id: number }[] };
    expect(result).toMatchObject([
      { message: { text: 'twice' } },
      { message: { text: 'twice' } },
      { message: { from: { id: 501 }, contact: { user_id: 502 }, forward_origin: { sender_user: { id: 502 } } } },
      { business_connection: { user: { id: 900 }, is_enabled: true } },
      { business_message: { from: { id: 503 }, chat: { id: 503 } } },
      { business_message: { from: { id: 900 }, chat: { id: 503 } } },
    ]);
    expect(result[1]?.update_id).toBe(result[0]?.update_id);
  } finally {
    await fake.close();
  }
});

test('a voice message of the fake has the length of its recording, and no other file is taken for one', async () => {
  const token = '7001:AAAA-test';
  const fake = await telegramFake({ tokens: [token] });
  try {
    const say = (body: Uint8Array) => fetch(`${fake.url}/voice?from=501`, { method: 'POST', body: new Uint8Array(body) });
    expect((await say(Buffer.from('RIFF'))).status).toBe(400);
    const recording = opusFile(new Int16Array(24_000));
    expect((await say(recording)).status).toBe(200);
    const updates = await fetch(`${fake.url}/bot${token}/getUpdates`, { method: 'POST' });
    const { result } = (await updates.json()) as { result: readonly { message: { voice: { file_id: string } } }[] };
    expect(result).toMatchObject([{ message: { from: { id: 501 }, voice: { duration: 3, file_size: recording.length } } }]);
    const file = await fetch(`${fake.url}/file/bot${token}/voice/${result[0]?.message.voice.file_id}.oga`);
    expect(Buffer.from(await file.arrayBuffer()).equals(Buffer.from(recording))).toBe(true);
  } finally {
    await fake.close();
  }
});
