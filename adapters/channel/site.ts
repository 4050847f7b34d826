/** Chats of a website, or of another source without an adapter: messages arrive over the HTTP API, and replies are read there. */
import { z } from 'zod';
import type { Content } from '../../contracts/content.ts';
import { inbox } from '../../contracts/inbox.ts';
import { review } from '../../contracts/kit/define.ts';
import { withLine } from './lines.ts';
import type { ChannelAdapter, Intake, ReadPart, ReadPerson, Sending, Update } from './port.ts';
import { storable } from './port.ts';

/** There is one connection of this kind, and it has no number. */
const botId = '0';
const Kept = inbox.store_message.input.required({ messageId: true }).extend({ at: z.int() });

function read(_botId: string, raw: string): Update {
  const { from, name, phoneNumber = null, text, choice, messageId, at } = Kept.parse(JSON.parse(raw));
  const title = storable(name ?? '');
  const person = { externalId: from, name: title, username: null, phoneNumber, firstRole: 'client' } as const;
  const words = storable(text);
  return {
    externalId: messageId,
    raw,
    parts: [
      {
        is: 'message',
        message: {
          chat: { externalId: from, kind: 'private', title: title === '' ? null : title },
          sender: person,
          externalId: messageId,
          kind: 'text',
          direction: 'in',
          text: words,
          content: choice === undefined ? [] : [chosen(choice, words)],
          threadId: null,
          albumId: null,
          replyTo: null,
          isForwarded: false,
          sentAt: at,
          editedAt: null,
          files: [],
        },
      },
      ...(choice === undefined ? [] : [pressOf({ from, person, messageId, choice, title: words })]),
    ],
  };
}
const chosen = (id: string, title: string): Content =>
  withLine({ type: 'choice', of: 'button', id, title: title.slice(0, 1000).toWellFormed(), description: null, data: null });
function pressOf(of: { from: string; person: ReadPerson; messageId: string; choice: string; title: string }): ReadPart {
  const title = of.title.slice(0, 64).toWellFormed();
  const message = { chatExternalId: of.from, messageExternalId: null, queryId: null, pressExternalId: of.messageId };
  return { is: 'button', press: { ...message, person: of.person, data: of.choice, title } };
}

const intake: Intake = {
  read,
  accept(given, id, at) {
    const raw = JSON.stringify({ ...given, messageId: given.messageId ?? id, at } satisfies z.input<typeof Kept>);
    return { botId, update: read(botId, raw) };
  },
};

/** Nothing is sent: the site can read the message once it has the status sent. */
const sending: Sending = {
  deliver: {
    attempt: async ({ to, text, threadId, replyTo, choices, media }, { ref }) => ({
      externalId: ref,
      to,
      text,
      threadId,
      replyTo,
      choices,
      media,
      at: new Date().toISOString(),
    }),
    onUnknown: review,
  },
  quotas: () => [],
};

export const site: ChannelAdapter = {
  name: 'site',
  provider: 'http_api',
  intake: { settings: z.object({}), create: () => intake },
  sending: { settings: z.object({}), create: () => sending },
  choices: { buttons: 100, list: 100, longestText: 4096, withMedia: true },
  media: { longestText: 4096, maxBytes: { image: 20_000_000, document: 20_000_000, audio: 20_000_000 } },
  personFields: ['from'],
};
