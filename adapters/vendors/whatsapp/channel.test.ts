import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { channelConformance } from '../../channel/conformance.ts';
import { createHttp } from '../../http.ts';
import { whatsapp } from './channel.ts';
import { whatsappFake } from './fake.ts';
import { whatsappIntake, whatsappSettings } from './intake.ts';
import { whatsappSend } from './send.ts';

const appSecret = 'app-secret';
const customer = '79995553322';
type Delivery = { entry?: { changes?: { value?: object }[] }[] } | null;
/** A delivery without its messages and contacts. */
const frameOf = (delivery: unknown) => {
  const [entry] = Array.isArray((delivery as Delivery)?.entry) ? ((delivery as Delivery)?.entry ?? []) : [];
  const [change] = Array.isArray(entry?.changes) ? entry.changes : [];
  return { ...(delivery as object), entry: { ...entry, changes: { ...change, value: { ...change?.value, messages: [], contacts: [] } } } };
};

channelConformance(whatsapp, { webhook: true, provider: true, contactButton: false }, async () => {
  const fake = await whatsappFake({ token: 'token', appSecret });
  const http = createHttp({ allowPrivate: [fake.url] });
  const settings = whatsappSettings.parse({ WHATSAPP_TOKEN: 'token', WHATSAPP_APP_SECRET: appSecret, WHATSAPP_API_ROOT: fake.url });
  const intake = whatsappIntake(settings, { http });
  const file = { id: '7001', bytes: Buffer.from('a recording') };
  fake.media(file.id, file.bytes, 'audio/ogg');
  fake.say({ phone: customer }, 'Здравствуйте');
  let nth = 0;
  const delivery = (message: object) => ({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '102',
        changes: [
          {
            field: 'messages',
            value: {
              metadata: { display_phone_number: '7', phone_number_id: fake.phoneNumberId },
              contacts: [{ profile: { name: 'Анна' }, wa_id: customer }],
              messages: [{ from: customer, id: `wamid.${++nth}`, timestamp: String(Math.floor(Date.now() / 1000)), ...message }],
            },
          },
        ],
      },
    ],
  });
  const signature = (body: string, key = appSecret) => `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  const signed = (body: string) => ({ headers: { 'x-hub-signature-256': signature(body) }, query: {}, body: Buffer.from(body) });
  const received = (message: object) =>
    intake.receive?.(signed(JSON.stringify(delivery(message)))).batches.flatMap(({ updates }) => updates) ?? [];
  type Body = {
    text?: { body: string };
    interactive?: {
      body: { text: string };
      action: { buttons?: { reply: { id: string; title: string } }[]; sections?: { rows: { id: string; title: string }[] }[] };
    };
  } & Record<'image' | 'document', { id: string; caption: string } | undefined>;
  const fileOf = ({ image, document }: Body) => image ?? document;
  return {
    intake,
    sending: whatsappSend(settings, { http, now: Date.now }),
    botId: fake.phoneNumberId,
    customer,
    deliver: (text) => received({ type: 'text', text: { body: text } }),
    choose: ({ id, title }, messageExternalId) =>
      received({
        ...{ type: 'interactive', interactive: { type: 'list_reply', list_reply: { id, title } } },
        context: { from: '15550001', id: messageExternalId },
      }),
    webhook: {
      bodies: [
        delivery({ type: 'text', text: { body: 'Привет' }, context: { id: 'wamid.0', forwarded: true } }),
        delivery({ type: 'audio', audio: { id: '7001', mime_type: 'audio/ogg; codecs=opus', voice: true } }),
        delivery({ type: 'location', location: { latitude: 55.7, longitude: 37.6, name: 'Склад' } }),
        delivery({
          type: 'order',
          order: { product_items: [{ product_retailer_id: 'rose', quantity: 3, item_price: 90.5, currency: 'RUB' }] },
        }),
        delivery({ type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'yes', title: 'Да' } } }),
      ],
      isDelivery: (altered) => isDeepStrictEqual(frameOf(altered), frameOf(delivery({}))),
      signed,
      forged: (request) => {
        const body = Buffer.from(request.body).toString();
        const others = [signature(body, 'other'), signature(`${body} `), signature(body).toUpperCase(), ''];
        return [
          ...others.map((given) => ({ ...request, headers: { 'x-hub-signature-256': given } })),
          { ...request, headers: {} },
          { ...request, body: Buffer.from(`${body} `) },
        ];
      },
    },
    provider: {
      accepted: () =>
        fake.sent.map(({ to, body: given }) => {
          const body = given as Body;
          return { to, text: body.text?.body ?? body.interactive?.body.text ?? fileOf(body)?.caption ?? '' };
        }),
      shown() {
        const body = fake.sent.at(-1)?.body as Body;
        const { buttons = [], sections = [] } = body.interactive?.action ?? {};
        const rows = [...buttons.map(({ reply }) => reply), ...sections.flatMap((section) => section.rows)];
        const options = rows.map(({ id, title }) => ({ id, title }));
        return { options, asksContact: false, file: fake.uploads.get(fileOf(body)?.id ?? '')?.bytes ?? null };
      },
      fail: (how) =>
        fake.order(
          {
            refused: { do: 'refuse', on: 'messages', code: 131026 } as const,
            limited: { do: 'refuse', on: 'messages', code: 130429 } as const,
            cut: { do: 'cut', on: 'messages' } as const,
          }[how],
        ),
      file,
    },
    async stop() {
      await fake.close();
      await http.close();
    },
  };
});
