/**
 * What a message offers besides its text: options to choose from, and a file.
 *
 * Glossary: an *option* is a button or a row of a list; its *id* is a token of the sender's, which comes back when a person presses it.
 */
import { z } from 'zod';
import { BlobRef, visible } from './common.ts';

/** Visible ASCII, so that characters are bytes: a button of Telegram holds 64. */
export const OptionId = z
  .string()
  .max(64)
  .regex(/^[!-~]{1,64}$/, 'a token of 1 to 64 bytes: visible ASCII without spaces')
  .describe('A token of at most 64 bytes; it comes back in button_pressed.');
const title = (max: number) => z.string().max(max).regex(visible, 'at least one visible character').meta({ pii: 'text' });
const Option = z.strictObject({
  id: OptionId,
  title: title(64).describe('The channel may shorten it.'),
  description: title(72).optional().describe('A second line, where the channel shows one.'),
});
const Options = z
  .array(Option)
  .min(1)
  .max(100)
  .refine((options) => new Set(options.map(({ id }) => id)).size === options.length, 'each option with an id of its own');
const more = {
  moreId: z
    .string()
    .max(40)
    .regex(/^[!-~]{1,40}$/, 'a token of 1 to 40 bytes: visible ASCII without spaces')
    .optional()
    .describe('When the channel cannot show all options, the last one that it shows has the id `<moreId>:<number of options shown>`.'),
  moreTitle: title(64).optional().describe('Title of that option.'),
};
/** Options under a message. */
export const Choices = z.discriminatedUnion('as', [
  z.strictObject({ as: z.literal('buttons'), options: Options, ...more }),
  z.strictObject({ as: z.literal('list'), button: title(20).describe('Opens the list.'), options: Options, ...more }),
  z
    .strictObject({ as: z.literal('contact_request'), title: title(64) })
    .describe('Asks for the phone of the customer. A channel without such a button shows only the text.'),
]);
export type Choices = z.output<typeof Choices>;

export const MediaKind = z.enum(['image', 'document', 'audio']);
/** A file sent with a message, whose text is its caption. */
export const Media = z.strictObject({
  kind: MediaKind,
  blob: BlobRef,
  name: z.string().min(1).max(200).meta({ pii: 'text' }).optional().describe('File name, as the customer sees it.'),
});
export type Media = z.output<typeof Media>;
