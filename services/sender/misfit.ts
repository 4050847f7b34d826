import type { ChannelAdapter } from '../../adapters/channel/port.ts';
import type { ParsedOf } from '../../contracts/kit/define.ts';
import type { messages } from '../../contracts/messages.ts';

/** What a channel shows beside a text. */
export type Limits = Pick<ChannelAdapter, 'name' | 'choices' | 'media'>;
type Content = Pick<ParsedOf<typeof messages.deliver>, 'text' | 'choices' | 'media'>;
type Reason = 'wrong_channel' | 'not_together' | 'too_many_options' | 'media_too_large' | 'text_too_long';
export interface Misfit {
  readonly reason: Reason;
  readonly message: string;
}

/** Why a channel cannot show the options or send the file of a message, or null. One message is one effect, so nothing is split. */
export function misfit({ text, choices, media }: Content, { name, choices: shows, media: sends }: Limits): Misfit | null {
  const options = choices === null || choices.as === 'contact_request' ? null : choices;
  if (options !== null && shows === undefined) return { reason: 'wrong_channel', message: `The channel ${name} shows no options.` };
  if (media !== null && sends === undefined) return { reason: 'wrong_channel', message: `The channel ${name} sends no files.` };
  if (choices !== null && media !== null && !shows?.withMedia)
    return { reason: 'not_together', message: `The channel ${name} has no message with both options and a file; send two messages.` };
  const room =
    options === null || shows === undefined ? Infinity : options.as === 'buttons' ? Math.max(shows.buttons, shows.list) : shows.list;
  if (options !== null && options.moreId === undefined && options.options.length > room)
    return { reason: 'too_many_options', message: `The channel ${name} shows at most ${room} options; set moreId to page them.` };
  const maxBytes = media === null ? undefined : sends?.maxBytes[media.kind];
  if (media !== null && maxBytes !== undefined && media.blob.bytes > maxBytes)
    return { reason: 'media_too_large', message: `The channel ${name} sends at most ${maxBytes} bytes as ${media.kind}.` };
  const longest = Math.min(options === null ? Infinity : (shows?.longestText ?? 0), media === null ? Infinity : (sends?.longestText ?? 0));
  if (text.length > longest)
    return {
      reason: 'text_too_long',
      message: `The channel ${name} shows at most ${longest} UTF-16 units of text with ${media === null ? 'options' : 'a file'}; this text has ${text.length}.`,
    };
  return null;
}
