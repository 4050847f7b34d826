import type { Handler } from '../../bus/service.ts';
import { actorOf, apiKeyOf } from '../../contracts/common.ts';
import type { messages } from '../../contracts/messages.ts';
import type { Drafting } from './draft.ts';
import type { Author } from './rows.ts';
import type { Policy } from './settings.ts';

export function sendMessage(draft: Drafting, policy: Policy): Handler<typeof messages.send_message> {
  return ({ onBehalfOf, template = null, ...wording }, context) => {
    const { caller, key } = context;
    const writtenBy = actorOf(caller, onBehalfOf);
    const author = authorOf(writtenBy);
    return draft(
      { ...wording, template, choices: null, media: null, isReceipt: false },
      {
        ...{ author, writtenBy, key },
        // Staff who has taken the chat over approves what programs write in it.
        approvalIn: ({ owner, channel }) => (author === 'program' && owner === 'human' ? 'staff' : (policy.get(channel) ?? 'staff')),
      },
      context,
    );
  };
}

/** People use the command line and API keys that name a person; all other callers are programs. */
const authorOf = (actor: string): Author => (/^operator(:|$)/.test(actor) || apiKeyOf(actor)?.person !== undefined ? 'person' : 'program');
