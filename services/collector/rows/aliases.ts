/** People for whom a channel uses two ids: they are one person with one chat, under the id that lasts. */
import type { ChannelName, ReadPart } from '../../../adapters/channel/port.ts';
import type { Queries } from '../../../bus/service.ts';

export type IdAlias = Omit<Extract<ReadPart, { is: 'alias' }>, 'is'>;
/** A person known by the id `from` until now, and by that of `to` from now on. */
export interface IdChange {
  readonly from: string;
  readonly to: NonNullable<IdAlias['of']>;
  /** `from` no longer reaches the person, and may later reach another. */
  readonly isFormer: boolean;
}
export interface Aliases {
  /** The current id of a person, for an id received at that time (Unix ms). */
  idOf(externalId: string, at: number): string;
  /** Changes that were not known before. */
  readonly moves: readonly IdChange[];
}

/**
 * Stores aliases and locks them: of two concurrent deliveries about one person the second sees what the first stored. Repeats have no
 * effect.
 */
export async function learnAliases(tx: Queries, channel: ChannelName, told: readonly IdAlias[]): Promise<Aliases> {
  if (told.length === 0) return { idOf: (externalId) => externalId, moves: [] };
  const ids = [...new Set(told.flatMap(({ externalId, of }) => (of === null ? [externalId] : [externalId, of.externalId])))].sort();
  await tx.query(
    `insert into collector.user_aliases as alias (channel, external_id) select $1, external_id from unnest($2::text[]) external_id
     on conflict (channel, external_id, until) do update set known_as = alias.known_as`,
    [channel, ids],
  );
  let known = await find(tx, channel, ids);
  const idOf = (externalId: string, at: number) => known.get(externalId)?.find(({ until }) => until >= at)?.knownAs ?? externalId;
  const moves: IdChange[] = [];
  for (const { externalId, of, at, isFormer } of told) {
    // A person with a new id is reported under it; the status of an older message may still use the former one.
    const isStale = !isFormer && known.get(externalId)?.[0]?.until !== Infinity;
    if (of === null || isStale) continue;
    const [from, to] = [idOf(externalId, at), idOf(of.externalId, at)];
    if (from === to) continue;
    moves.push({ from, to: { externalId: to, phoneNumber: to === of.externalId ? of.phoneNumber : null }, isFormer });
    // Other current ids of the person are given up as well.
    if (isFormer)
      await tx.query(
        `insert into collector.user_aliases (channel, external_id, known_as, until)
         select $1, external_id, $4, $5 from (
           select unnest($2::text[]) as external_id
           union select external_id from collector.user_aliases where channel = $1 and known_as = $3 and until = 'infinity'
         ) former on conflict do nothing`,
        [channel, [externalId, from], from, to, new Date(at)],
      );
    await tx.query(
      `update collector.user_aliases set known_as = $3
       where channel = $1 and (known_as = $2 or ($4 and external_id = $5 and until = 'infinity'))`,
      [channel, from, to, !isFormer, externalId],
    );
    known = await find(tx, channel, ids);
  }
  return { idOf, moves };
}

interface Row {
  readonly externalId: string;
  readonly knownAs: string | null;
  /** Unix ms. */
  readonly until: number;
}
/** By external id; what ends first comes first. */
async function find(tx: Queries, channel: ChannelName, ids: readonly string[]): Promise<Map<string, readonly Row[]>> {
  const rows = await tx.query<Row>(
    `select external_id as "externalId", known_as as "knownAs", (extract(epoch from until) * 1000)::float8 as until
     from collector.user_aliases where channel = $1 and external_id = any ($2) order by user_aliases.until`,
    [channel, ids],
  );
  return Map.groupBy(rows, ({ externalId }) => externalId);
}
