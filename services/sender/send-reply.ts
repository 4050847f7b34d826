import type { Handler } from '../../bus/service.ts';
import { derivedKey } from '../../bus/wire/key.ts';
import type { messages } from '../../contracts/messages.ts';
import type { Drafting } from './draft.ts';

/** The mode of the dialog decides about approval, except where staff has taken over the chat. */
export function sendReply(draft: Drafting): Handler<typeof messages.send_reply> {
  return ({ mode, choices = null, media = null, ...wording }, context) =>
    draft(
      { ...wording, template: null, choices, media },
      {
        author: 'program',
        writtenBy: context.caller,
        // Keys of send_message belong to other callers.
        key: derivedKey('reply', context.key),
        approvalIn: ({ owner }) => (mode === 'auto' && owner !== 'human' ? 'none' : 'staff'),
      },
      context,
    );
}
