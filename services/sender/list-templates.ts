import type { Sending } from '../../adapters/channel/port.ts';
import { unsupported } from '../../adapters/unsupported.ts';
import type { Handler } from '../../bus/service.ts';
import type { messages } from '../../contracts/messages.ts';

export function listTemplates(sendings: ReadonlyMap<string, Sending>): Handler<typeof messages.list_templates> {
  return async ({ channel, ...page }, { signal }) => {
    const [name, sending] =
      [...sendings].find(([each, { listTemplates: lists }]) => lists !== undefined && (channel ?? each) === each) ?? [];
    if (name === undefined || sending?.listTemplates === undefined) throw unsupported(channel ?? 'No channel', 'Templates');
    const { items, nextCursor } = await sending.listTemplates(page, signal);
    return { items: items.map((template) => ({ channel: name, ...template })), nextCursor };
  };
}
