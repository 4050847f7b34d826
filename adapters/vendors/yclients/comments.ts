/** Comments of a client, which also serve as a log of calls. */
import { PolybError } from '../../../contracts/kit/errors.ts';
import { beforeWriting } from '../../not-executed.ts';
import type { SalonClient } from './client.ts';
import { linesOf, referenceLine } from './people.ts';
import type { Platform, SalonOptions } from './platform.ts';
import { fieldsOf, idOf, listOf } from './values.ts';

/** The longest comment; a longer note becomes several. */
const mostLength = 255;

export interface Comments {
  /** Writes what is missing of a text, and returns the id of its last comment. */
  add(clientId: string, text: string, at: { readonly ref: string; readonly signal: AbortSignal }): Promise<string>;
  /** The id of the last comment of a text; null if one of its parts is missing. */
  find(clientId: string, text: string, ref: string, signal: AbortSignal): Promise<string | null>;
}

export function commentsOf(client: SalonClient, platform: Platform, { companyId }: Pick<SalonOptions, 'companyId'>): Comments {
  /** Paths have changed: the next one is tried where there is no page. */
  async function at<T>(clientId: string, work: (path: string) => Promise<T>): Promise<T> {
    const unknown = () => new PolybError('failed_precondition', `${platform.title} has no client ${clientId}.`, { reason: 'crm_rejected' });
    if (idOf(clientId) === null) throw unknown();
    for (const path of platform.commentPaths(companyId, clientId))
      try {
        return await work(path);
      } catch (thrown) {
        if ((thrown as PolybError).code !== 'not_found') throw thrown;
      }
    throw unknown();
  }
  const written = (clientId: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> =>
    at(clientId, async (path) => {
      const { data } = await client.call({ path, signal, what: 'Reading the comments of a client' });
      return new Map(
        listOf(data).flatMap(({ id, text }) => (idOf(id) === null ? [] : [[linesOf(text).at(-1) ?? '', String(id)] as const])),
      );
    });

  return {
    async add(clientId, text, { ref, signal }) {
      const parts = partsOf(text, ref);
      const before = parts.length === 1 ? new Map<string, string>() : await beforeWriting(written(clientId, signal));
      let last = '';
      for (const { mark, comment } of parts)
        last =
          before.get(mark) ??
          (await at(clientId, async (path) => {
            const { data } = await client.call({ method: 'POST', path, body: { text: comment }, signal, what: 'Adding a comment' });
            const id = idOf(fieldsOf(data).id);
            if (id === null)
              throw new PolybError('upstream_failed', 'Adding a comment: expected an id in the reply.', { reason: 'bad_reply' });
            return id;
          }));
      return last;
    },
    async find(clientId, text, ref, signal) {
      const found = await written(clientId, signal);
      const ids = partsOf(text, ref).map(({ mark }) => found.get(mark) ?? null);
      return ids.includes(null) ? null : (ids.at(-1) ?? null);
    },
  };
}

/** Each part ends in a line of its own, by which a look-up finds it. */
function partsOf(text: string, ref: string): readonly { readonly mark: string; readonly comment: string }[] {
  const mark = (nth: number, of: number) => `${referenceLine(ref)}${of === 1 ? '' : ` ${nth}/${of}`}`;
  const whole = `${text}\n${mark(1, 1)}`;
  if (whole.length <= mostLength) return [{ mark: mark(1, 1), comment: whole }];
  const room = mostLength - mark(99, 99).length - 1;
  const chunks = [...chunksOf(text, room)];
  return chunks.map((chunk, nth) => ({ mark: mark(nth + 1, chunks.length), comment: `${chunk}\n${mark(nth + 1, chunks.length)}` }));
}
/** Does not cut a character of two units. */
function* chunksOf(text: string, most: number): Generator<string> {
  let chunk = '';
  for (const character of text) {
    if (chunk.length + character.length > most) {
      yield chunk;
      chunk = '';
    }
    chunk += character;
  }
  yield chunk;
}
