/** Management of API keys over the bus. */
import type { Database, HandlersOf } from '../../bus/service.ts';
import type { gateway } from '../../contracts/gateway.ts';
import { PolybError } from '../../contracts/kit/errors.ts';
import { cursorAfter, placeAfter, seqForm } from './cursor.ts';
import { insertKey, listDecisions, listKeys, liveScopes, revokeKey } from './rows.ts';

/** @param revoked Informs every gateway that a key is revoked. */
export function keyHandlers(db: Database, revoked: (keyId: string) => void): HandlersOf<typeof gateway> {
  return {
    create_key: async (key) => {
      const made = await db.transaction((tx) => insertKey(tx, key));
      if (made === null)
        throw new PolybError('conflict', `There is another key ${key.keyId}; create one with a new id.`, { reason: 'key_taken' });
      if (made === 'two_live')
        throw new PolybError(
          'conflict',
          `${key.person === null ? key.client : `${key.person} of ${key.client}`} has two active keys; revoke one first: polyb keys list, polyb keys revoke KEY_ID`,
          {
            reason: 'two_keys_live',
          },
        );
      return made;
    },
    list_keys: async ({ client, cursor, limit }) => {
      const { items, next } = await listKeys(db, { client, before: placeAfter(cursor, seqForm), limit });
      return { items, nextCursor: cursorAfter(next) };
    },
    revoke_key: async ({ keyId }) => {
      const key = await revokeKey(db, keyId);
      if (key === null) throw new PolybError('not_found', `There is no key ${keyId}; polyb keys list shows them.`);
      revoked(keyId);
      return key;
    },
    find_client: async ({ client }) => ({ scopes: [...(await liveScopes(db, client))] }),
    list_audit: async ({ client, cursor, limit }) => {
      const { items, next } = await listDecisions(db, { client, before: placeAfter(cursor, seqForm), limit });
      return { items, nextCursor: cursorAfter(next) };
    },
  };
}
