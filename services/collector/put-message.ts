import { hash } from 'node:crypto';
import type { Intake } from '../../adapters/channel/port.ts';
import type { Handler } from '../../bus/service.ts';
import type { inbox } from '../../contracts/inbox.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { put, storedAs } from './rows/put.ts';

/** Stores a message in the channel that accepts one over the HTTP API; a repeated one returns the stored message. */
export function putMessage(intakes: ReadonlyMap<string, Intake>, now: () => number): Handler<typeof inbox.put_message> {
  const [channel, intake] = [...intakes].find(([, { accept }]) => accept !== undefined) ?? [];
  return (given, { key, commit }) =>
    commit(async (tx) => {
      // A key may be longer than the id of a message.
      const accepted = intake?.accept?.(given, hash('sha256', key, 'base64url'), now());
      if (channel === undefined || accepted === undefined)
        throw new PolybError('unimplemented', 'No channel accepts messages over the HTTP API.');
      const { botId, update } = accepted;
      await put(tx, channel, { botId, updates: [update] });
      return storedAs(tx, { channel, botId, chat: given.from, externalId: update.externalId });
    });
}
