import { channelConformance } from '../../channel/conformance.ts';
import { createHttp } from '../../http.ts';
import { telegram } from './channel.ts';
import { telegramFake } from './fake.ts';
import { telegramIntake, telegramSettings } from './intake.ts';
import { telegramSend } from './send.ts';

const secret = 'the-secret-of-the-test';
const person = { id: 42, is_bot: false, first_name: 'Анна', last_name: 'Ким', username: 'anna' };

channelConformance(telegram, { webhook: true, provider: true, contactButton: true }, async () => {
  const fake = await telegramFake({ tokens: ['7001:AAAA-test'] });
  const http = createHttp({ allowPrivate: [fake.url] });
  const settings = telegramSettings.parse({
    TELEGRAM_BOT_TOKENS: '7001:AAAA-test',
    TELEGRAM_API_ROOT: fake.url,
    TELEGRAM_WEBHOOK_SECRET: secret,
  });
  const intake = telegramIntake(settings, { http });
  const file = { id: 'voice1', bytes: Buffer.from('a recording') };
  fake.file(file.id, file.bytes);
  let nth = 100;
  const message = (content: object) => ({
    update_id: ++nth,
    message: { message_id: nth, date: Math.floor(Date.now() / 1000), chat: { ...person, type: 'private' }, from: person, ...content },
  });
  const signed = (body: string) => ({
    headers: { 'x-telegram-bot-api-secret-token': secret },
    query: {},
    body: Buffer.from(body),
  });
  const received = (update: object) => intake.receive?.(signed(JSON.stringify(update))).batches.flatMap(({ updates }) => updates) ?? [];
  return {
    intake,
    sending: telegramSend(settings, { http }),
    botId: '7001',
    customer: '42',
    deliver: (text) => received(message({ text })),
    choose({ id, title }, messageExternalId) {
      const reply_markup = { inline_keyboard: [[{ text: 'другое', callback_data: 'x' }], [{ text: title, callback_data: id }]] };
      const shown = { message_id: Number(messageExternalId), date: 1, chat: { ...person, type: 'private' }, text: 'Когда?', reply_markup };
      return received({ update_id: ++nth, callback_query: { id: `q${nth}`, from: person, message: shown, data: id } });
    },
    webhook: {
      bodies: [
        message({ text: 'Привет', entities: [{ type: 'text_link', offset: 0, length: 6, url: 'https://example.com' }] }),
        message({ voice: { file_id: 'voice1', duration: 3, mime_type: 'audio/ogg', file_size: 11 }, caption: 'голос' }),
        message({ location: { latitude: 55.7, longitude: 37.6 }, reply_to_message: { message_id: 7 } }),
        message({ contact: { phone_number: '+79995553322', first_name: 'Анна', user_id: 42 } }),
        {
          update_id: 99,
          callback_query: {
            ...{ id: 'q99', from: person, data: 'yes' },
            message: {
              message_id: 5,
              date: 1,
              chat: { ...person, type: 'private' },
              reply_markup: { inline_keyboard: [[{ text: 'Да', callback_data: 'yes' }]] },
            },
          },
        },
        message({ poll: { question: 'Когда?', options: [{ text: 'Сегодня', voter_count: 1 }], is_closed: false } }),
      ],
      isDelivery: (altered) => typeof (altered as { update_id?: unknown } | null)?.update_id === 'number',
      signed,
      forged: (request) => ['', 'x', `${secret}2`].map((given) => ({ ...request, headers: { 'x-telegram-bot-api-secret-token': given } })),
    },
    provider: {
      accepted: () => fake.sent.map(({ chatId, text }) => ({ to: String(chatId), text })),
      fail: (how) =>
        fake.order(
          {
            refused: { do: 'refuse', on: 'sendMessage', status: 403, description: 'Forbidden: bot was blocked by the user' } as const,
            limited: { do: 'refuse', on: 'sendMessage', status: 429, retryAfterS: 3 } as const,
            cut: { do: 'cut', on: 'sendMessage', after: true } as const,
          }[how],
        ),
      shown() {
        const { buttons = [], contactButton, file: sent } = fake.screen('7001:AAAA-test', 42).at(-1) ?? {};
        const options = buttons.map(({ text, callback_data: id }) => ({ id, title: text }));
        return { options, asksContact: contactButton !== undefined, file: sent?.bytes ?? null };
      },
      file,
    },
    async stop() {
      await fake.close();
      await http.close();
    },
  };
});
