/** The channels: one line each. All are in use at once. */
import { telegram } from '../vendors/telegram/channel.ts';
import { whatsapp } from '../vendors/whatsapp/channel.ts';
import type { ChannelAdapter, ChannelPart, ReadChat } from './port.ts';
import { site } from './site.ts';

export const channels: readonly ChannelAdapter[] = [telegram, whatsapp, site];

/** Whether a phone that this channel gives is that of the person. */
export const provesPhones = (channel: string): boolean => channels.find(({ name }) => name === channel)?.provesPhones === true;
/** Whether a button in this chat can request the contact of the customer. */
export const canRequestContact = (channel: string, chat: Pick<ReadChat, 'externalId' | 'kind'>): boolean =>
  channels.find(({ name }) => name === channel)?.canRequestContact?.(chat) === true;

type PartName = 'intake' | 'sending' | 'notices';
type Created<P extends PartName> = NonNullable<ChannelAdapter[P]> extends ChannelPart<infer T> ? T : never;

/** One vendor per channel that has this part, for the definition of a service. */
export function vendorsOf<P extends PartName>(of: readonly ChannelAdapter[], part: P) {
  return Object.fromEntries(
    of.flatMap(({ name, provider, [part]: made }) =>
      made === undefined
        ? []
        : [
            [
              name,
              { setting: `${name.toUpperCase()}_KIND`, catalogue: { [provider]: made as ChannelPart<Created<P>> }, fallback: provider },
            ],
          ],
    ),
  );
}
/** The parts that the host has created from `vendorsOf`, by channel. */
export function createdOf<P extends PartName>(
  of: readonly ChannelAdapter[],
  part: P,
  vendors: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, Created<P>> {
  return new Map(of.flatMap(({ name, [part]: made }) => (made === undefined ? [] : [[name, vendors[name] as Created<P>]])));
}
