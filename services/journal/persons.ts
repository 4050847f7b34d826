import { apiKeyOf } from '../../contracts/common.ts';

/**
 * Whether two actors count as one person where two must approve. An API key counts as its person, otherwise as its client: the
 * holder of one key of a client may hold the others. Names behind the operator's shared password prove nothing.
 */
export function isSamePerson(one: string, other: string): boolean {
  const [left, right] = [apiKeyOf(one), apiKeyOf(other)];
  if (left !== undefined && right !== undefined && (left.person === undefined || right.person === undefined))
    return left.client === right.client;
  return personOf(one) === personOf(other);
}

/** Services that prove who pressed a button; before `journal`, `pipelines` did. */
const provers: readonly string[] = ['journal', 'pipelines'];

function personOf(actor: string): string {
  const [user = '', behind] = actor.split(/:(.*)/s);
  return apiKeyOf(actor)?.person ?? (provers.includes(user) ? behind : undefined) ?? user;
}
