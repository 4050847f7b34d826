import type { Cooldowns } from '../../adapters/channel/cooldowns.ts';
import type { Notices } from '../../adapters/channel/port.ts';

/** The bot writes to customers too: when its channel asks it to wait, notices wait as well. */
export function rateLimitedNotices(notices: Notices, { withCooldown }: Cooldowns): Notices {
  const of = (chat: string | null) => notices.buckets(chat).map((bucket) => ({ bucket }));
  return {
    ...notices,
    post: (chat, notice, signal) => withCooldown(of(chat), () => notices.post(chat, notice, signal)),
    redraw: (posted, notice, signal) => withCooldown(of(posted.chat), () => notices.redraw(posted, notice, signal)),
    answer: (queryId, said, signal) => withCooldown(of(null), () => notices.answer(queryId, said, signal)),
  };
}
