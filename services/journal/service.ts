/** The journal for people: rows and decisions for callers, and approvals in chats of the staff. */
import { channels, createdOf, vendorsOf } from '../../adapters/channel/index.ts';
import { quotasIn } from '../../adapters/quota.ts';
import { journalAdmin } from '../../adapters/store/journal-admin.ts';
import { service } from '../../bus/service.ts';
import { approvals } from '../../contracts/approvals.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { people } from '../../contracts/people.ts';
import { askInChats } from './ask-in-chats.ts';
import type { JournalParts } from './change-row.ts';
import { copyOwners } from './copy-owners.loop.ts';
import { journalHandlers } from './handlers.ts';
import { pendingSamples } from './metrics.ts';
import { onChatAssigned } from './on-chat-assigned.ts';
import { onPersonLinked } from './on-person-linked.ts';
import { onPhoneOwnersChanged } from './on-phone-owners-changed.ts';
import { rateLimitedNotices } from './rate-limited-notices.ts';
import { replayDue } from './replay-due.loop.ts';
import { journalSettings } from './settings.ts';

export default service({
  serves: { journal, approvals },
  uses: [inbox.button_pressed, inbox.chat_assigned, inbox.phone_owners_changed, inbox.get_client, people.person_linked],
  settings: journalSettings,
  vendors: vendorsOf(channels, 'notices'),
}).start(async ({ settings, vendors, bus, db, cache, log, metrics, now }) => {
  const desk = journalAdmin(db);
  const [posting = null] = createdOf(channels, 'notices', vendors).values();
  const notices = posting && rateLimitedNotices(posting, quotasIn(cache, now));
  const announce: JournalParts['announce'] = ({ id, method, state, updatedAt }) =>
    bus.announce(journal.approval_changed, { rowId: id, method, state, at: updatedAt });
  const handlers = journalHandlers({ desk, metrics, announce, now });
  metrics.sample(() => pendingSamples(db));
  const inChats = askInChats({ chats: settings.TELEGRAM_APPROVAL_CHATS, notices, desk, decide: handlers, db, commit: bus.commit, log });
  return {
    journal: handlers,
    approvals: inChats.approvals,
    on: [...inChats.on, onChatAssigned(desk), onPersonLinked(desk), onPhoneOwnersChanged()],
    loops: [...inChats.loops, copyOwners(desk), replayDue({ desk, announce, now })],
  };
});
