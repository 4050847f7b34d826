import { apiKeyOf } from '../../contracts/common.ts';

/**
 * Whether two actors count as one person where two must agree. An API key counts as the person that it names, else as its client: whoever
 * holds one key of a client may hold the others. Behind the operator's one password nobody is proven, whatever name it gives.
 */
export function isSamePerson(one: string, other: string): boolean {
  const [left, right] = [apiKeyOf(one), apiKeyOf(other)];
  if (left !== undefined && right !== undefined && (left.person === undefined || right.person === undefined))
    return left.client === right.client;
  return personOf(one) === personOf(other);
}

function personOf(actor: string): string {
  const [user, behind] = actor.split(/:(.*)/s);
  return apiKeyOf(actor)?.person ?? (user === 'pipelines' ? behind : undefined) ?? String(user);
}
