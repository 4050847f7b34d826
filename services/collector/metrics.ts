import { counter } from '../../contracts/kit/metric.ts';

export const messagesTotal = counter('polyb_messages_total', {
  help: 'Messages stored.',
  labels: { channel: 'any', direction: ['in', 'out'] },
});
export const unreadTotal = counter('polyb_updates_unread_total', {
  help: 'Updates, or parts of messages, of an unsupported kind; they are kept raw.',
  labels: { channel: 'any', type: 'any' },
});
