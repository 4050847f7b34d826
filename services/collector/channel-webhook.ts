import type { Intake } from '../../adapters/channel/port.ts';
import type { Handler } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { UpdateIntake } from './intake.ts';

/** A delivery of a channel over HTTP: verified, stored, and only then acknowledged. */
export function channelWebhook(intakes: ReadonlyMap<string, Intake>, { take }: UpdateIntake): Handler<typeof inbox.channel_webhook> {
  return async ({ channel, body = new Uint8Array(), ...request }) => {
    const intake = intakes.get(channel);
    if (intake?.receive === undefined) throw new PolybError('not_found', `No channel ${channel} has a webhook.`, { reason: 'no_webhook' });
    const { batches, reply } = intake.receive({ ...request, body });
    const taken = await Promise.all(batches.map((each) => take(channel, each)));
    const stored = taken.reduce((a, b) => ({ updates: a.updates + b.updates, messages: a.messages + b.messages }), {
      updates: 0,
      messages: 0,
    });
    return {
      ...stored,
      contentType: reply === undefined ? 'application/json' : 'text/plain',
      body: Buffer.from(reply ?? JSON.stringify(stored)),
    };
  };
}
