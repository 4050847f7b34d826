/** What a client may name in a request and see in a reply. */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { isHidden } from '../../adapters/store/phone-owners.ts';
import { narrowedTo, normalizePhone } from '../../contracts/common.ts';
import { mask, type PiiPath, personalTexts, piiPaths } from '../../contracts/kit/describe/mask.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { textAt } from './follower.ts';
import type { Identity } from './keys.ts';
import type { Owners } from './owners.ts';
import { isMaskedFor } from './routes.ts';
import type { Decision } from './rows.ts';

/** With it an operator is shown personal data; each such request is audited. */
const revealHeader = 'x-show-personal-data';

export interface Visibility {
  ownClients(identity: Identity | null): (schema: z.ZodType, value: unknown) => Promise<void>;
  shownTo(identity: Identity, values: { readonly input: unknown; readonly output: unknown }, request: FastifyRequest): Promise<unknown>;
}
export function auditedOf(address: string, { params, id }: FastifyRequest): Pick<Decision, 'method' | 'target' | 'requestId'> {
  const [target = null] = Object.values(params as Readonly<Record<string, string>>);
  return { method: address, target: target?.slice(0, 64) ?? null, requestId: id };
}

/** @param output The reply of a method, or an item of a stream. */
export function visibility(
  { address, hasViewer, output: schema }: { readonly address: string; readonly hasViewer: boolean; readonly output: z.ZodType },
  { owners, decided }: { readonly owners: Owners; readonly decided: (decision: Decision) => Promise<void> },
): Visibility {
  /** Found at the first use: few routes are asked for by an operator. */
  let personal: readonly PiiPath[] | undefined;
  /**
   * Refuses values with a chat of another manager or the phone of one, the same as one that is not there. The owner of the table narrows by
   * the viewer where its method takes one; each other chat and phone is looked up once for a request.
   */
  function ownClients(identity: Identity | null): (schema: z.ZodType, value: unknown) => Promise<void> {
    const manager = narrowedTo(identity?.viewer);
    if (manager === null || hasViewer) return async () => {};
    const checked = new Set<string>();
    const fresh = (found: readonly string[]): readonly string[] => found.filter((each) => !checked.has(each) && checked.add(each));
    const someHidden = (found: ReadonlyMap<string, readonly string[]>) => [...found.values()].some((people) => isHidden(people, manager));
    return async (of, value) => {
      const chatIds = fresh(['chatId', 'sessionId'].flatMap((name) => textAt(value, name) ?? []));
      if (someHidden(await owners.ofChats(chatIds)))
        throw new PolybError('not_found', `There is no ${chatIds[0]} here.`, { reason: 'no_chat' });
      const phones = fresh(personalTexts(of, value).flatMap(({ pii, text }) => (pii === 'phone' ? [normalizePhone(text)] : [])));
      if (someHidden(await owners.ofPhones(phones)))
        throw new PolybError('not_found', 'There is no client with this phone here.', { reason: 'no_client' });
    };
  }

  /**
   * What a person of this role may see of it: an operator sees personal data only where they ask for it, with the header or by the input
   * `reveal`, and the audit has that before they do.
   */
  async function shownTo(
    { viewer, keyId, client, person }: Identity,
    { input, output }: { readonly input: unknown; readonly output: unknown },
    request: FastifyRequest,
  ): Promise<unknown> {
    if (viewer === undefined || !isMaskedFor(viewer.role)) return output;
    personal ??= piiPaths(schema);
    const isAsked = request.headers[revealHeader] !== undefined && personal.length > 0;
    if (isAsked || (input as { readonly reveal?: unknown }).reveal === true)
      await decided({ ...auditedOf(address, request), keyId, client, person, code: 'ok', reason: 'personal_data_shown' });
    return isAsked ? output : mask(personal, output);
  }
  return { ownClients, shownTo };
}
