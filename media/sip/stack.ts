/** Services shared by all calls of a user agent. */
import { type Clock, type RandomBytes, randomToken } from './clock.ts';
import type { Dialog } from './dialog.ts';
import type { Header, SipRequest } from './message.ts';
import type { Requester } from './requester.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { SessionTimerSettings } from './session-timer.ts';

export interface Stack {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly requester: Requester;
  readonly timer: SessionTimerSettings;
  /** Stores a dialog; INVITE, 200, re-INVITE and BYE are sent only afterwards. */
  save(dialog: Dialog): Promise<void>;
  /** Registers work that outlasts a call: its BYE or CANCEL, or the refusal until its ACK. `close` can wait for it. */
  linger(work: Promise<unknown>): void;
  /** Routes requests of a dialog to `receiver` until the returned function is called. */
  attach(callId: string, localTag: string, receiver: DialogReceiver): () => void;
}
export interface DialogReceiver {
  receive(request: SipRequest, transaction: ServerTransaction): void;
  /** Handles the ACK of a 2xx. */
  acknowledge(ack: SipRequest): void;
}

export const methods = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'PRACK', 'UPDATE', 'INFO', 'REFER', 'NOTIFY'] as const;
export const extensions = ['100rel', 'timer', 'replaces', 'norefersub'] as const;
/** The abilities of this side, for requests and responses. */
export const abilities: readonly Header[] = [
  ['Allow', methods.join(', ')],
  ['Supported', extensions.join(', ')],
];

export const newTag = (random: RandomBytes): string => randomToken(random);
