interface Key {
  readonly client: string;
  readonly person: string | undefined;
}

/**
 * Whether two actors count as one person where two must agree. An API key counts as the person that it names, else as its client: whoever
 * holds one key of a client may hold the others. Behind the operator's one password nobody is proven, whatever name it gives.
 */
export function isSamePerson(one: string, other: string): boolean {
  const [left, right] = [keyOf(one), keyOf(other)];
  if (left !== undefined && right !== undefined && (left.person === undefined || right.person === undefined))
    return left.client === right.client;
  return personOf(one) === personOf(other);
}

function personOf(actor: string): string {
  const [user, behind] = actor.split(/:(.*)/s);
  return keyOf(actor)?.person ?? (user === 'pipelines' ? behind : undefined) ?? String(user);
}
/** `gateway:client/key/person`, as the gateway names a key. */
function keyOf(actor: string): Key | undefined {
  const [, client, , person] = /^gateway:([^/]+)\/([^/]+)(?:\/(.+))?$/.exec(actor) ?? [];
  return client === undefined ? undefined : { client, person };
}
