/** Who is in charge of the chats of a phone: the copy of what the inbox reports by which a service narrows what shows phones. */
import { normalizePhone } from '../../contracts/common.ts';
import type { inbox } from '../../contracts/inbox.ts';
import type { PayloadOf } from '../../contracts/kit/define.ts';
import type { Queries } from '../deps.ts';

export interface PhoneOwners {
  /** The people in charge of the chats of each phone that has some. Several customers may have one phone. */
  of(db: Queries, phones: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /**
   * Stores a change, and returns the phones that it concerns. A change that is older than the one known has no effect: a dead letter may be
   * replayed days later. An erased customer keeps a row without a phone.
   */
  set(tx: Queries, change: PayloadOf<typeof inbox.phone_owners_changed>): Promise<readonly string[]>;
}

/** @param table with `customer_id`, `phone_number`, which is null where nobody is in charge, `person_ids` and `changed_at` */
export function phoneOwners(table: string): PhoneOwners {
  return {
    async of(db, phones) {
      if (phones.length === 0) return new Map();
      const rows = await db.query<{ phone: string; people: readonly string[] }>(
        `select phone_number as phone, array_agg(distinct person_id) as people
         from ${table} cross join unnest(person_ids) person_id where phone_number = any ($1) group by phone_number`,
        [phones],
      );
      return new Map(rows.map(({ phone, people }) => [phone, people]));
    },
    async set(tx, { customerId, phoneNumber, personIds, at }) {
      const phone = phoneNumber === null ? null : normalizePhone(phoneNumber);
      const [former] = await tx.query<{ phone: string | null }>(
        `select phone_number as phone from ${table} where customer_id = $1 for update`,
        [customerId],
      );
      const written = await tx.query(
        `insert into ${table} as known (customer_id, phone_number, person_ids, changed_at) values ($1, $2, $3, $4)
         on conflict (customer_id) do update
           set phone_number = excluded.phone_number, person_ids = excluded.person_ids, changed_at = excluded.changed_at
         where known.changed_at <= excluded.changed_at returning 1`,
        [customerId, phone, personIds, at],
      );
      const phones = new Set([former?.phone ?? null, phone]);
      return written.length === 0 ? [] : [...phones].filter((each) => each !== null).sort();
    },
  };
}

/** Whether a phone or a chat with these people in charge is hidden from a person: others are, and they are not. */
export const isHidden = (owners: readonly string[], personId: string): boolean => owners.length > 0 && !owners.includes(personId);
