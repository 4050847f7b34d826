/** People and their users at the identity provider. */
import type { Queries } from '../../../bus/service.ts';
import type { PersonRole } from '../../../contracts/kit/define.ts';
import { type Credentials, findCredentials, identityKind } from './rows.ts';

/** Null if nobody has this identity. */
export async function findProvided(tx: Queries, identity: string): Promise<Credentials | null> {
  const [row] = await tx.query<{ personId: string }>(
    'select person_id as "personId" from gateway.person_links where kind = $1 and value = $2',
    [identityKind, identity],
  );
  return row === undefined ? null : findCredentials(tx, row.personId);
}
/** Also of the last admin: the provider decides on roles, and the command line makes another admin. */
export async function setProvidedRole(tx: Queries, personId: string, role: PersonRole): Promise<void> {
  await tx.query('update gateway.people set role = $2 where person_id = $1', [personId, role]);
}
