import type { Notices } from '../../adapters/channel/port.ts';
import type { Quotas } from '../../adapters/quota.ts';

/** The bot writes to customers too: when its channel asks it to wait, notices wait as well. */
export function rateLimitedNotices(notices: Notices, { withCooldown }: Quotas): Notices {
  const of = (chat: string | null) => notices.buckets(chat).map((bucket) => ({ bucket }));
  return {
    ...notices,
    post: (chat, notice, signal) => withCooldown(of(chat), () => notices.post(chat, notice, signal)),
    redraw: (posted, notice, signal) => withCooldown(of(posted.chat), () => notices.redraw(posted, notice, signal)),
    answer: (queryId, said, signal) => withCooldown(of(null), () => notices.answer(queryId, said, signal)),
  };
}
