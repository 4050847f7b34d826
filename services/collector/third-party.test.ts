import { expect, test } from '@jest/globals';
import { inbox } from '../../contracts/inbox.ts';
import { freePort } from '../../scripts/infra/ready.ts';
import { until, world } from '../../test/kit/world.ts';
import collector from './service.ts';

/** The parts of telegram-test-api that are used here. */
interface Emulator {
  start(): Promise<void>;
  stop(): Promise<boolean>;
  getClient(
    token: string,
    options?: object,
  ): { makeMessage(text: string, more?: object): object; sendMessage(message: object): Promise<unknown> };
}
test('messages of an emulator that others wrote, in a private chat and in a topic of a group, are stored once each', async () => {
  // Its types need a package that it does not bring.
  const { default: TelegramServer } = (await import('telegram-test-api')) as unknown as { default: new (options: object) => Emulator };
  const port = await freePort();
  const emulator = new TelegramServer({ host: '127.0.0.1', port });
  await emulator.start();
  const here = await world();
  const token = '7002:sampleToken';
  try {
    const root = `http://127.0.0.1:${port}`;
    await here.start('collector', collector, { TELEGRAM_BOT_TOKENS: token, TELEGRAM_API_ROOT: root, HTTP_ALLOW_PRIVATE: root });
    const anna = emulator.getClient(token, { userId: 42, chatId: 42, firstName: 'Анна' });
    await anna.sendMessage(anna.makeMessage('Есть пионы?'));
    const boris = emulator.getClient(token, { userId: 43, chatId: -100500, type: 'supergroup', chatTitle: 'Отдел', firstName: 'Борис' });
    await boris.sendMessage(boris.makeMessage('Кто примет заказ?', { message_thread_id: 5, is_topic_message: true }));
    const stored = await until(async () => {
      const { items } = await here.bus.call(inbox.list_messages, {});
      return items.length >= 2 ? items : null;
    });
    expect(stored.map(({ text, sender, threadId }) => [text, sender?.name, threadId]).sort()).toEqual([
      ['Есть пионы?', 'Анна', null],
      ['Кто примет заказ?', 'Борис', '5'],
    ]);
  } finally {
    await here.stop();
    await emulator.stop();
  }
});
