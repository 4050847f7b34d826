import type { Blobs } from '../../adapters/blob/port.ts';
import type { DeliveryAttempt } from '../../adapters/channel/port.ts';
import { byField, type Queries } from '../../bus/service.ts';
import type { Media } from '../../contracts/choices.ts';
import type { Effect } from '../../contracts/kit/define.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import type { messages } from '../../contracts/messages.ts';
import { routeOf } from './rows.ts';

type Delivering = Effect<typeof messages.deliver>;
/**
 * Sends to the current address of the chat through its channel, with the bytes of its file: recipient, bot and channel in a draft are
 * for approvers and decide nothing.
 */
export function routed(effects: ReadonlyMap<string, Delivering>, db: Queries, blobs: Pick<Blobs, 'read'>): Delivering {
  const { attempt, onUnknown } = byField<typeof messages.deliver>('channel', Object.fromEntries(effects));
  return {
    onUnknown,
    async attempt(draft, at) {
      const route = await routeOf(db, draft.chatId);
      if (route === null)
        throw new PolybError('failed_precondition', `No message to ${draft.chatId} came through send_message; send it again.`, {
          reason: 'no_route',
          outcome: 'not_executed',
        });
      const { media } = draft;
      const withFile: DeliveryAttempt = media === null ? at : { ...at, file: await bytesOf(media.blob, blobs, at.signal) };
      return attempt({ ...draft, ...route }, withFile);
    },
  };
}

async function bytesOf({ blobId, bytes }: Media['blob'], blobs: Pick<Blobs, 'read'>, signal: AbortSignal): Promise<Uint8Array> {
  // One byte more than stated: a longer file is another one.
  const body = await blobs.read(blobId, { offset: 0, length: bytes + 1 }, signal).catch((cause: unknown) => {
    throw new PolybError('unavailable', 'The file of the message cannot be read now.', {
      reason: 'blobs_down',
      outcome: 'not_executed',
      cause,
    });
  });
  if (body?.length === bytes) return body;
  throw new PolybError('failed_precondition', 'The file of the message is no longer stored; send the message again.', {
    reason: 'media_gone',
    outcome: 'not_executed',
  });
}
