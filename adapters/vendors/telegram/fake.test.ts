import { expect, test } from '@jest/globals';
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
