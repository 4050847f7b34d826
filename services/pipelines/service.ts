/** Runs the pipelines, and serves the journal to people: to callers, and in chats of the staff for approvals. */
import { z } from 'zod';
import { cacheSettings, openCache } from '../../adapters/cache/index.ts';
import { cooldownsIn } from '../../adapters/channel/cooldowns.ts';
import { telegramAsking } from '../../adapters/channel/index.ts';
import { journalDesk } from '../../adapters/store/journal-admin.ts';
import { service } from '../../bus/service.ts';
import { approvals } from '../../contracts/approvals.ts';
import { calls } from '../../contracts/calls.ts';
import { crm } from '../../contracts/crm.ts';
import { inbox } from '../../contracts/inbox.ts';
import { journal } from '../../contracts/journal.ts';
import { pipelines } from '../../contracts/pipelines.ts';
import { askInChats, askingSettings } from './ask-in-chats.ts';
import { backlog } from './backlog.ts';
import { journalHandlers } from './journal.ts';
import { leadToCall } from './lead-to-call.ts';
import { rateLimitedNotices } from './rate-limited-notices.ts';

const pipelinesSettings = z.object({ ...askingSettings.shape, ...cacheSettings.shape });

export default service({
  serves: { pipelines, journal, approvals },
  uses: [crm.push_to_crm, calls.start_call, calls.call_ended, crm.log_call, crm.create_task, inbox.button_pressed, inbox.get_client],
  settings: pipelinesSettings,
  vendors: { telegram: { setting: 'TELEGRAM_KIND', catalogue: telegramAsking, fallback: 'bot_api' } },
}).start(async ({ settings, vendors: { telegram }, bus, db, log, metrics, now }) => {
  const desk = journalDesk(db);
  const cache = await openCache(settings, { now, log });
  const notices = telegram === null ? null : rateLimitedNotices(telegram, cooldownsIn(cache, now));
  const decide = journalHandlers(desk, metrics, now);
  metrics.sample(() => backlog(db));
  return {
    pipelines: { lead_to_call: leadToCall },
    journal: decide,
    ...askInChats({ chats: settings.TELEGRAM_APPROVAL_CHATS, notices, desk, decide, db, commit: bus.commit, log }),
    stop: () => cache.close(),
  };
});
