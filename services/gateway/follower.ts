/** One who follows the event stream, and what they may be told. */
import { isHidden } from '../../adapters/store/phone-owners.ts';
import type { Identity } from './keys.ts';

/** One change, as sent to a follower. */
export interface FeedItem {
  readonly event: string;
  /** Position for a returning follower of a state: the time of the change, RFC 3339. */
  readonly time?: string;
  /** The same for a log. */
  readonly cursor?: string;
  /** JSON, made once for all followers. */
  readonly text: string;
}
export interface Follower {
  tell(item: FeedItem): void;
  /** True when it has much unread data. */
  isFull(): boolean;
  /** The manager who follows; null for those who see every chat. */
  readonly manager: string | null;
  /** The person who follows; undefined for an API key. */
  readonly viewer: Identity['viewer'];
}
/** @param owners The people in charge of the chats that an item is about; none for an item about no chat. */
export const sees = ({ manager }: Follower, owners: readonly string[]): boolean => manager === null || !isHidden(owners, manager);

export const staleItem = (topic: string, why: string): FeedItem => ({ event: 'stale', text: JSON.stringify({ topic, why }) });

/** The value at a dotted path, if it is a text. */
export function textAt(item: unknown, path: string | undefined): string | undefined {
  let value = item;
  for (const name of path?.split('.') ?? []) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  return typeof value === 'string' ? value : undefined;
}
