import type { Shutters } from '../../adapters/channel/cooldowns.ts';
import type { Notices } from '../../adapters/channel/port.ts';

/** The bot writes to customers too: when its channel asks it to wait, it waits with everything. */
export function patientNotices(notices: Notices, { heeding }: Shutters): Notices {
  const of = (chat: string | null) => notices.buckets(chat).map((bucket) => ({ bucket }));
  return {
    ...notices,
    post: (chat, notice, signal) => heeding(of(chat), () => notices.post(chat, notice, signal)),
    redraw: (posted, notice, signal) => heeding(of(posted.chat), () => notices.redraw(posted, notice, signal)),
    answer: (queryId, said, signal) => heeding(of(null), () => notices.answer(queryId, said, signal)),
  };
}
