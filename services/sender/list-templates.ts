import type { Sending } from '../../adapters/channel/port.ts';
import { unsupported } from '../../adapters/unsupported.ts';
import type { Handler } from '../../bus/service.ts';
import { badCursor } from '../../contracts/common.ts';
import type { messages } from '../../contracts/messages.ts';

/** Cursors are those of the provider, marked, so that one of another list is refused. */
const mark = 'templates.';

export function listTemplates(sendings: ReadonlyMap<string, Sending>): Handler<typeof messages.list_templates> {
  return async ({ channel, limit, cursor }, { signal }) => {
    const after = cursor === undefined ? undefined : placeOf(cursor);
    const [name, sending] =
      [...sendings].find(([each, { listTemplates: lists }]) => lists !== undefined && (channel ?? each) === each) ?? [];
    if (name === undefined || sending?.listTemplates === undefined) throw unsupported(channel ?? 'No channel', 'Templates');
    const { items, nextCursor } = await sending.listTemplates({ limit, ...(after === undefined ? {} : { cursor: after }) }, signal);
    return {
      items: items.map((template) => ({ channel: name, ...template })),
      nextCursor: nextCursor === null ? null : `${mark}${nextCursor}`,
    };
  };
}

function placeOf(cursor: string): string {
  if (!cursor.startsWith(mark)) throw badCursor();
  return cursor.slice(mark.length);
}
