import type { Commit, Handler, Queries, Tx } from '../../bus/service.ts';
import { calls } from '../../contracts/calls.ts';
import type { campaigns } from '../../contracts/campaigns.ts';
import { deleteMembers, membersOfPhone } from './rows.ts';

/** Removes the phone from every campaign and its rows from the journal. Returns the number of members removed. */
async function erasePhone(tx: Tx, phoneNumber: string): Promise<number> {
  const members = await membersOfPhone(tx, phoneNumber);
  if (members.length === 0) return 0;
  const ids = members.map(({ memberId }) => memberId);
  const keys = members.flatMap((member) => member.keys);
  tx.outdate(calls.start_call, keys, 'The member was erased.');
  tx.forget({ ids, names: [phoneNumber], mentions: [...ids, ...keys] });
  await deleteMembers(tx, ids);
  return members.length;
}

export function eraseMembers(commit: Commit): Handler<typeof campaigns.erase_members> {
  return ({ phoneNumber }) => commit(async (tx) => ({ erased: await erasePhone(tx, phoneNumber) }));
}

/** Erases the last phone that the inbox reported for the customer, unless another customer has it too. */
export async function eraseCustomer(tx: Tx, customerId: string): Promise<void> {
  const phone = await phoneOfErased(tx, customerId);
  if (phone !== null) await erasePhone(tx, phone);
}
async function phoneOfErased(tx: Queries, customerId: string): Promise<string | null> {
  const [row] = await tx.query<{ phone: string }>(
    `with erased as (
       update campaigns.phone_owners o set last_phone = null, phone_number = null, person_ids = '{}'
       from (select customer_id, last_phone from campaigns.phone_owners where customer_id = $1 for update) before
       where o.customer_id = before.customer_id returning before.last_phone as phone)
     select phone from erased
     where phone is not null and not exists (select from campaigns.phone_owners other where other.last_phone = phone and other.customer_id <> $1)`,
    [customerId],
  );
  return row?.phone ?? null;
}
