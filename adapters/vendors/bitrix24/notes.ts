/** Comments in the timeline of a record. Our reference is a line of the text, because a comment has no other field. */
import type { z } from 'zod';
import type { About } from '../../../contracts/crm.ts';
import { type BitrixClient, idOf } from './client.ts';
import { isItemId, noRecord } from './contacts.ts';

type Subject = z.output<typeof About>;
export interface Notes {
  /** @throws PolybError failed_precondition/crm_rejected if there is no such record. */
  add(about: Subject, text: string, at: { readonly ref: string; readonly signal: AbortSignal }): Promise<string>;
  /** Among the latest 250 comments of the record. */
  find(about: Subject, ref: string, signal: AbortSignal): Promise<string | null>;
}

export const refLinePrefix = 'PolyB-Ref: ';
const line = (ref: string): string => `${refLinePrefix}${ref}`;
export function withRef(text: string | undefined, ref: string): string {
  return text === undefined || text === '' ? line(ref) : `${text}\n${line(ref)}`;
}
/** True also for a text that the portal returns with line breaks of HTML. */
export function hasRef(text: unknown, ref: string): boolean {
  const lines = typeof text === 'string' ? text.split(/\r?\n|<br\s*\/?>/i) : [];
  return lines.some((each) => each.trim() === line(ref));
}

export function bitrixNotes(bitrix: BitrixClient): Notes {
  return {
    async add({ kind, id }, text, { ref, signal }) {
      const absent = () => noRecord(kind, id);
      if (!isItemId(id)) throw absent();
      const fields = { ENTITY_ID: Number(id), ENTITY_TYPE: kind, COMMENT: withRef(text, ref) };
      const made = await bitrix.call(
        'crm.timeline.comment.add',
        { fields },
        { signal, refusals: { NOT_FOUND: absent, OWNER_NOT_FOUND: absent } },
      );
      return idOf({ id: made });
    },
    async find({ kind, id }, ref, signal) {
      if (!isItemId(id)) return null;
      const params = { filter: { ENTITY_ID: Number(id), ENTITY_TYPE: kind }, select: ['ID', 'COMMENT'], order: { ID: 'DESC' } };
      const comments = await bitrix.list('crm.timeline.comment.list', params, { signal });
      const found = comments.find(({ COMMENT }) => hasRef(COMMENT, ref));
      return found === undefined ? null : idOf(found);
    },
  };
}
