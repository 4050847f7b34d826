/** Content of a WhatsApp message besides text (…/whatsapp/webhooks/reference/messages), and its files. */
import { normalizePhone } from '../../../contracts/common.ts';
import type { Content } from '../../../contracts/content.ts';
import { type Fields, fieldsOf, integerOf, majorMoneyOf, numberOf, objectOf, objectsOf, textOf, timeOf } from '../../channel/fields.ts';
import { type ContentFacts, withLine } from '../../channel/lines.ts';
import type { Kind, ReadFile } from '../../channel/port.ts';
import { storable } from '../../channel/port.ts';

const longestWords = 300_000;

/** Text of the person. For a choice, its visible title. */
export function wordsOf(message: Fields): string {
  const { type } = message;
  const interactive = fieldsOf(message.interactive);
  const media = typeof type === 'string' ? fieldsOf(message[type]) : {};
  const words = [
    fieldsOf(message.text).body,
    fieldsOf(message.button).text,
    fieldsOf(interactive.button_reply).title,
    fieldsOf(interactive.list_reply).title,
    fieldsOf(message.order).text,
    fieldsOf(message.system).body,
    media.caption,
  ].find((each) => typeof each === 'string' && each !== '');
  return typeof words === 'string' ? storable(words.slice(0, longestWords)) : '';
}

const kinds: Readonly<Record<string, Kind>> = {
  text: 'text',
  button: 'text',
  interactive: 'text',
  image: 'photo',
  document: 'document',
  contacts: 'contact',
  location: 'location',
  system: 'service',
  // Notices without text of the customer: a message that WhatsApp does not pass on, and an opened chat.
  unsupported: 'service',
  request_welcome: 'service',
};
export function kindOf({ type, audio }: Fields): Kind {
  if (type === 'audio' && fieldsOf(audio).voice === true) return 'voice';
  return (typeof type === 'string' ? kinds[type] : undefined) ?? 'other';
}

/** At most 100 parts, the main content first. @param at Unix ms, when the message was sent */
export function contentOf(message: Fields, at: number): readonly Content[] {
  const parts = [...mainOf(message, at), ...aboutOf(message)].map(withLine);
  const { type } = message;
  if (type === 'unsupported') {
    const { code, title, message: said } = objectsOf(message.errors, 1)[0] ?? {};
    const why = [textOf(code, 16), textOf(title, 200) ?? textOf(said, 200)].filter(Boolean).join(' ');
    const line = `Сообщение, которое WhatsApp не передаёт${why === '' ? '' : ` (${why})`}`;
    return [{ type: 'notice', of: 'unsupported', line }, ...parts];
  }
  if (type === 'request_welcome') return [{ type: 'notice', of: 'request_welcome', line: 'Чат открыт впервые' }, ...parts];
  const unknown = unknownOf(message);
  return (unknown === null ? parts : [withLine({ type: 'unknown', of: unknown }), ...parts]).slice(0, 100);
}

/** The name of content of an unknown kind. */
export function unknownOf(message: Fields): string | null {
  const type = textOf(message.type, 64) ?? 'unknown';
  if (type === 'unsupported') return 'unsupported';
  if (kindOf(message) === 'service' || wordsOf(message) !== '' || mainOf(message, 0).length > 0) return null;
  const inner = type === 'interactive' ? textOf(fieldsOf(message.interactive).type, 50) : null;
  return inner === null ? type : `${type}.${inner}`.slice(0, 64);
}

function mainOf(message: Fields, at: number): readonly ContentFacts[] {
  const files = filesOf(message).map(
    ({ kind, name }): ContentFacts => (kind === 'sticker' ? { type: 'sticker', emoji: null, set: null } : { type: 'file', kind, name }),
  );
  const location = objectOf(message.location);
  const order = objectOf(message.order);
  return [
    ...files,
    ...(location === null ? [] : locationOf(location, at)),
    ...(order === null ? [] : orderOf(order)),
    ...objectsOf(message.contacts).map((contact) => personOf(contact, message)),
    ...choiceOf(message),
  ];
}
function locationOf(location: Fields, at: number): readonly ContentFacts[] {
  const [latitude, longitude] = [numberOf(location.latitude), numberOf(location.longitude)];
  if (latitude === null || longitude === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return [];
  const [name, address, url] = [textOf(location.name, 1000), textOf(location.address, 1000), textOf(location.url, 2048)];
  return [{ type: 'location', latitude, longitude, name, address, url, isLive: false, at: timeOf(at) }];
}
/** Prices are in major units. */
function orderOf(order: Fields): readonly ContentFacts[] {
  const items = objectsOf(order.product_items).map(({ product_retailer_id, quantity, item_price, currency }) => ({
    productId: textOf(product_retailer_id, 512) ?? '?',
    quantity: Math.min(Math.max(numberOf(quantity) ?? 1, 0), 1_000_000_000),
    price: majorMoneyOf(item_price, currency),
  }));
  const [first] = items;
  const currency = first?.price?.currency;
  const sum = items.reduce((whole, { price, quantity }) => whole + (price?.amountMinor ?? Number.NaN) * quantity, 0);
  const isWhole = items.every(({ price }) => price?.currency === currency) && integerOf(Math.round(sum), 0, 1_000_000_000_000) !== null;
  const total = currency !== undefined && isWhole ? { amountMinor: Math.round(sum), currency } : null;
  return [{ type: 'order', catalogId: textOf(order.catalog_id, 512), items, total }];
}
function personOf(contact: Fields, { from, context }: Fields): ContentFacts {
  const name = fieldsOf(contact.name);
  const phones = objectsOf(contact.phones, 20);
  const whole = textOf(name.formatted_name, 300) ?? [textOf(name.first_name, 150), textOf(name.last_name, 150)].filter(Boolean).join(' ');
  const addresses = objectsOf(contact.addresses, 20).map((each) =>
    [each.street, each.city, each.state, each.zip, each.country]
      .map((part) => textOf(part, 190))
      .filter(Boolean)
      .join(', '),
  );
  return {
    type: 'contact',
    name: whole,
    organization: textOf(fieldsOf(contact.org).company, 300),
    phoneNumbers: phones.map(({ phone, wa_id }) => textOf(phone, 64) ?? textOf(wa_id, 64)).filter((each) => each !== null),
    emails: objectsOf(contact.emails, 20)
      .map(({ email }) => textOf(email, 300))
      .filter((each) => each !== null),
    addresses: addresses.filter((each) => each !== ''),
    isOwn: typeof from === 'string' && from !== '' && !isForwarded(fieldsOf(context)) && isOnly(from, phones),
  };
}
/** All phones of the card are this one. The card is the sender's: its phone and its `wa_id` may name two people. */
const isOnly = (waId: string, phones: readonly Fields[]): boolean =>
  phones.length > 0 &&
  phones.every(({ phone, wa_id }) => wa_id === waId && (typeof phone !== 'string' || normalizePhone(phone).replace(/\D/g, '') === waId));
export const isForwarded = ({ forwarded, frequently_forwarded }: Fields): boolean => forwarded === true || frequently_forwarded === true;
function choiceOf(message: Fields): readonly ContentFacts[] {
  const interactive = fieldsOf(message.interactive);
  const [button, list, form] = [interactive.button_reply, interactive.list_reply, interactive.nfm_reply].map(objectOf);
  const template = objectOf(message.button);
  const base = { type: 'choice', description: null, data: null } as const;
  const id = (of: Fields) => textOf(of.id, 512);
  return [
    ...(button ? [{ ...base, of: 'button' as const, id: id(button), title: textOf(button.title, 1000) ?? '' }] : []),
    ...(list
      ? [{ ...base, of: 'list' as const, id: id(list), title: textOf(list.title, 1000) ?? '', description: textOf(list.description, 1000) }]
      : []),
    ...(form
      ? [
          {
            ...base,
            ...{ of: 'form' as const, id: textOf(form.name, 512), title: textOf(form.body, 1000) ?? '' },
            data: textOf(form.response_json, 16_384),
          },
        ]
      : []),
    ...(template
      ? [{ ...base, of: 'template' as const, id: textOf(template.payload, 512), title: textOf(template.text, 1000) ?? '' }]
      : []),
  ];
}
/** Origin of the message: a product of the catalog, or an advertisement. */
function aboutOf(message: Fields): readonly ContentFacts[] {
  const product = fieldsOf(fieldsOf(message.context).referred_product);
  const productId = textOf(product.product_retailer_id, 512);
  const referral = objectOf(message.referral);
  return [
    ...(productId === null ? [] : [{ type: 'product' as const, catalogId: textOf(product.catalog_id, 512), productId }]),
    ...(referral === null
      ? []
      : [
          {
            type: 'referral' as const,
            source: textOf(referral.source_type, 512),
            sourceId: textOf(referral.source_id, 512),
            url: textOf(referral.source_url, 2048),
            headline: textOf(referral.headline, 1000),
            body: textOf(referral.body, 4096),
            clickId: textOf(referral.ctwa_clid, 512),
          },
        ]),
  ];
}

const fileKinds = [
  ['image', 'photo', 'image/jpeg'],
  ['video', 'video', 'video/mp4'],
  ['document', 'document', 'application/octet-stream'],
  ['sticker', 'sticker', 'image/webp'],
] as const;
export function filesOf(message: Fields): readonly ReadFile[] {
  const audio = objectOf(message.audio);
  return [
    ...(audio === null ? [] : fileOf(audio, audio.voice === true ? 'voice' : 'audio', 'audio/ogg')),
    ...fileKinds.flatMap(([field, kind, contentType]) => {
      const file = objectOf(message[field]);
      return file === null ? [] : fileOf(file, kind, contentType);
    }),
  ];
}
function fileOf(file: Fields, kind: ReadFile['kind'], otherwise: string): readonly ReadFile[] {
  const id = textOf(file.id, 512);
  const contentType = (textOf(file.mime_type, 100) ?? otherwise).split(';', 1)[0]?.trim() || otherwise;
  return id === null ? [] : [{ id, kind, name: textOf(file.filename, 300), contentType, bytes: null, durationMs: null }];
}
