/** A topic of the event stream whose list differs by who looks: its owner narrows it, and it is read once for each viewer. */
import type { OwnTopic } from '../../contracts/feeds.ts';
import type { Follower } from './follower.ts';
import { createStateFeed, leastMs, type StateFeed, type StateFeedParts } from './state-feed.ts';

/** The more viewers there are, the less often each list is read: so many reads a second in all. */
const readsPerSecond = 20;

export function createOwnFeed(topic: string, feed: OwnTopic, parts: Omit<StateFeedParts, 'leastMs'>): StateFeed {
  const feeds = new Map<string, { readonly feed: StateFeed; followers: number }>();
  /** All API keys see the same. */
  const keyOf = ({ viewer }: Follower): string => (viewer === undefined ? '' : `${viewer.role} ${viewer.personId}`);
  const paced: StateFeedParts = { ...parts, leastMs: () => Math.max(leastMs, (feeds.size * 1_000) / readsPerSecond) };
  return {
    async follow(follower, since) {
      const key = keyOf(follower);
      const own = feeds.get(key) ?? {
        feed: createStateFeed(topic, { ...feed, kind: 'state', input: { ...feed.input, ...viewerOf(follower) } }, paced),
        followers: 0,
      };
      feeds.set(key, own);
      own.followers += 1;
      const leave = await own.feed.follow(follower, since);
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        leave();
        own.followers -= 1;
        if (own.followers === 0) feeds.delete(key);
      };
    },
    wake() {
      for (const { feed: each } of feeds.values()) each.wake();
    },
  };
  function viewerOf({ viewer }: Follower): object {
    return viewer === undefined ? {} : { [feed.viewer]: viewer };
  }
}
