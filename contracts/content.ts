/**
 * Content of a message besides text, typed by kind.
 *
 * Every part has a `line`: one line of Russian for a list, a notice or a prompt that does not know the kind.
 * Money is in minor units. Files are parts as well; their bytes are read through `files` of the message.
 */
import { z } from 'zod';
import { Money, Timestamp } from './common.ts';

const words = (max: number) => z.string().max(max).meta({ pii: 'text' });
const name = z.string().max(300).meta({ pii: 'name' });
/** An identifier of a channel, a catalog or a button, as written by the channel. */
const Reference = z.string().max(512);
const Url = words(2048);
const line = words(1000).describe('One-line description in Russian.');

export const FileKind = z.enum(['voice', 'audio', 'photo', 'video', 'round_video', 'animation', 'document', 'sticker']);

const OrderItem = z.object({
  productId: Reference.describe('The retailer id of the product in the catalog.'),
  quantity: z.number().min(0).max(1_000_000_000),
  price: Money.nullable().describe('Price of one item.'),
});

/** Open: a reader that does not know a kind shows its line. */
export const Content = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('file'), line, kind: FileKind, name: name.nullable() }),
    z.object({
      type: z.literal('location'),
      line,
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      name: words(1000).nullable(),
      address: words(1000).nullable(),
      url: Url.nullable(),
      isLive: z.boolean().describe('A live location; this is the latest position.'),
      at: Timestamp.describe('When the position was measured.'),
    }),
    z.object({
      type: z.literal('contact'),
      line,
      name,
      organization: name.nullable(),
      phoneNumbers: z
        .array(z.string().max(64).meta({ pii: 'phone' }))
        .max(20)
        .describe('As written in the address book of the sender.'),
      emails: z.array(name).max(20),
      addresses: z.array(words(1000)).max(20),
      isOwn: z.boolean().describe('The sender shared their own contact.'),
    }),
    z.object({
      type: z.literal('order'),
      line,
      catalogId: Reference.nullable(),
      items: z.array(OrderItem).max(100),
      total: Money.nullable().describe('Null when an item has no price or the currencies differ.'),
    }),
    z.object({ type: z.literal('product'), line, catalogId: Reference.nullable(), productId: Reference }),
    z.object({
      type: z.literal('choice'),
      line,
      of: z.enum(['button', 'list', 'template', 'form']),
      id: Reference.nullable().describe('Id of the option, as set in the message that offered the options.'),
      title: words(1000),
      description: words(1000).nullable(),
      data: words(16_384).nullable().describe('Answers of a form, as JSON.'),
    }),
    z.object({
      type: z.literal('options'),
      line,
      as: z.enum(['buttons', 'list', 'contact_request']),
      options: z
        .array(z.object({ id: Reference.nullable(), title: words(64), description: words(72).nullable() }))
        .max(100)
        .describe('The options that an outbound message offers. A site sends the id of the chosen one as `choice`.'),
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
      payload: words(1000).nullable().describe('As set in the invoice.'),
      reference: Reference.nullable().describe('Id of the charge at the payment provider.'),
    }),
    z.object({
      type: z.literal('quote'),
      line,
      text: words(4096).describe('The quoted text, or a one-line description of a quoted message without text.'),
      from: name.nullable().describe('Author of a message quoted from another chat.'),
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
    z.object({ type: z.literal('notice'), line, of: z.string().max(64).describe('Kind of notice, as named by the channel.') }),
    z
      .object({ type: z.literal('unknown'), line, of: z.string().max(64).describe('Kind of content, as named by the channel.') })
      .describe('Content of an unsupported kind; the raw update is kept.'),
  ])
  .meta({ open: true });
export type Content = z.output<typeof Content>;
