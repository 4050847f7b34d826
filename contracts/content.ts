/**
 * What a message carries beside its words, typed by kind.
 *
 * Every part has a `line`: the part in one Russian line, for a list, a notice or a prompt that does not know the kind.
 * Money is in minor units. Files are listed as parts as well; their bytes are fetched through `files` of the message.
 */
import { z } from 'zod';
import { Money, Timestamp } from './common.ts';

const words = (max: number) => z.string().max(max).meta({ pii: 'text' });
const name = z.string().max(300).meta({ pii: 'name' });
/** An identifier of a channel, a catalog or a button, as the channel writes it. */
const Reference = z.string().max(512);
const Url = words(2048);
const line = words(1000).describe('The part in one line of Russian.');

export const FileKind = z.enum(['voice', 'audio', 'photo', 'video', 'round_video', 'animation', 'document', 'sticker']);

const OrderItem = z.object({
  productId: Reference.describe('The retailer id of the product in the catalog.'),
  quantity: z.number().min(0).max(1_000_000_000),
  price: Money.nullable().describe('Of one.'),
});

export const Content = z.discriminatedUnion('type', [
  z.object({ type: z.literal('file'), line, kind: FileKind, name: name.nullable() }),
  z.object({
    type: z.literal('location'),
    line,
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    name: words(1000).nullable(),
    address: words(1000).nullable(),
    url: Url.nullable(),
    isLive: z.boolean().describe('The sender shares the position as it changes; this is the latest one.'),
    at: Timestamp.describe('When the position was taken.'),
  }),
  z.object({
    type: z.literal('contact'),
    line,
    name,
    organization: name.nullable(),
    phoneNumbers: z
      .array(z.string().max(64).meta({ pii: 'phone' }))
      .max(20)
      .describe('As the sender has them.'),
    emails: z.array(name).max(20),
    addresses: z.array(words(1000)).max(20),
    isOwn: z.boolean().describe('The sender shared the contact of themselves.'),
  }),
  z.object({
    type: z.literal('order'),
    line,
    catalogId: Reference.nullable(),
    items: z.array(OrderItem).max(100),
    total: Money.nullable().describe('Null when an item has no price, or the currencies differ.'),
  }),
  z.object({ type: z.literal('product'), line, catalogId: Reference.nullable(), productId: Reference }),
  z.object({
    type: z.literal('choice'),
    line,
    of: z.enum(['button', 'list', 'template', 'form']),
    id: Reference.nullable().describe('Of the option, as the message with the options set it.'),
    title: words(1000),
    description: words(1000).nullable(),
    data: words(16_384).nullable().describe('Of a form: the answers as JSON.'),
  }),
  z.object({
    type: z.literal('poll'),
    line,
    question: words(1000),
    options: z.array(z.object({ text: words(1000), votes: z.int().min(0).max(1_000_000_000) })).max(100),
    isClosed: z.boolean(),
    takesSeveral: z.boolean(),
  }),
  z.object({
    type: z.literal('checklist'),
    line,
    title: words(1000),
    tasks: z.array(z.object({ text: words(1000), isDone: z.boolean() })).max(100),
  }),
  z.object({ type: z.literal('sticker'), line, emoji: words(64).nullable(), set: words(256).nullable() }),
  z.object({ type: z.literal('dice'), line, emoji: words(64), value: z.int().min(0).max(1000) }),
  z.object({ type: z.literal('game'), line, title: words(1000), description: words(1000).nullable() }),
  z.object({ type: z.literal('web_app'), line, button: words(1000), data: words(16_384) }),
  z.object({
    type: z.literal('invoice'),
    line,
    title: words(1000),
    description: words(1000).nullable(),
    amount: Money.nullable(),
  }),
  z.object({
    type: z.literal('payment'),
    line,
    amount: Money.nullable(),
    isRefund: z.boolean(),
    payload: words(1000).nullable().describe('As the invoice set it.'),
    reference: Reference.nullable().describe('The charge at the payment provider.'),
  }),
  z.object({
    type: z.literal('quote'),
    line,
    text: words(4096).describe('The quoted words, or a line for a quoted message without words.'),
    from: name.nullable().describe('The writer, for a message of another chat.'),
  }),
  z.object({ type: z.literal('link'), line, text: words(1000), url: Url }),
  z.object({
    type: z.literal('forward'),
    line,
    of: z.enum(['person', 'hidden_person', 'chat', 'channel']),
    from: name.nullable(),
    at: Timestamp.nullable(),
    url: Url.nullable(),
  }),
  z.object({
    type: z.literal('referral'),
    line,
    source: Reference.nullable().describe('`ad` or `post`.'),
    sourceId: Reference.nullable(),
    url: Url.nullable(),
    headline: words(1000).nullable(),
    body: words(4096).nullable(),
    clickId: Reference.nullable(),
  }),
  z.object({ type: z.literal('story'), line, from: name.nullable(), url: Url.nullable() }),
  z.object({ type: z.literal('notice'), line, of: z.string().max(64).describe('The kind of notice, as the channel names it.') }),
  z
    .object({ type: z.literal('unknown'), line, of: z.string().max(64).describe('The kind, as the channel names it.') })
    .describe('Content of a kind that is not readable; the raw update is kept.'),
]);
export type Content = z.output<typeof Content>;
