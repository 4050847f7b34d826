import { type Consumer, on } from '../../bus/service.ts';
import { inbox } from '../../contracts/inbox.ts';
import { emitChanged } from './delivery-changed.ts';
import { climb, keepEarly, lockExternal } from './rows.ts';

/** Statuses from the channel: those of outbound messages move forward, and early ones are stored. */
export function onMessageStatus(): Consumer {
  return on(inbox.message_status, async ({ channel, botId, externalId, status, errorCode, at }, tx) => {
    const external = { channel, botId, externalId };
    const change = { status, reason: status === 'failed' ? (errorCode ?? 'failed') : null, at: new Date(at) };
    await lockExternal(tx, external);
    const climbed = await climb(tx, external, change);
    if (climbed === 'unknown') await keepEarly(tx, external, change);
    else if (climbed !== null) emitChanged(tx, climbed);
  });
}
