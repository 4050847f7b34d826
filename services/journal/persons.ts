import type { JournalAdmin, Link } from '../../adapters/store/journal-admin.ts';
import { apiKeyOf } from '../../contracts/common.ts';

export type SamePerson = (one: string, other: string) => boolean;

/** `isSamePerson`, with the links of these actors. A person is one in the browser, in their channels and with their keys. */
export async function samePersonAmong(desk: Pick<JournalAdmin, 'links'>, actors: readonly string[]): Promise<SamePerson> {
  const links = await desk.links(actors.flatMap((actor) => linkOf(actor) ?? []));
  const named = (actor: string): string => {
    const link = linkOf(actor);
    const of = links.find(({ kind, value }) => kind === link?.kind && value === link.value);
    return of === undefined ? actor : underName(actor, of.personId);
  };
  return (one, other) => isSamePerson(named(one), named(other));
}

/**
 * Whether two actors count as one person where two must approve. An API key counts as its person, otherwise as its client: the
 * holder of one key of a client may hold the others. A session is written like a key of the client `staff`, with its person. Names behind
 * the operator's shared password prove nothing.
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

/** The key or the user in a channel behind an actor: `gateway:shop/pk_1`, `journal:telegram/usr_1`. */
function linkOf(actor: string): Link | undefined {
  const [, key] = /^gateway:[^/]+\/(pk_[a-z0-9]+)(?:\/|$)/.exec(actor) ?? [];
  if (key !== undefined) return { kind: 'key', value: key };
  const [, user, kind, value] = /^([a-z]+):([a-z][a-z0-9_]*)\/([^/]+)$/.exec(actor) ?? [];
  return user !== undefined && provers.includes(user) && kind !== undefined && value !== undefined ? { kind, value } : undefined;
}
/** The same key, of this person; the same prover, of this person. */
function underName(actor: string, personId: string): string {
  const key = /^gateway:[^/]+\/[^/]+/.exec(actor)?.[0];
  return key === undefined ? `${provers[0]}:${personId}` : `${key}/${personId}`;
}
