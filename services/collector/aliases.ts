/** People whom a channel names now by one id, now by another: they are one person in one chat, under the id that lasts. */
import type { ChannelName, ReadPart } from '../../adapters/channel/port.ts';
import type { Queries } from '../../bus/service.ts';

export type Alias = Omit<Extract<ReadPart, { is: 'alias' }>, 'is'>;
/** Somebody who stood under the id `from` until now, and stands under that of `to` from now on. */
export interface Move {
  readonly from: string;
  readonly to: NonNullable<Alias['of']>;
}
export interface Aliases {
  /** The id under which somebody stands, by one that was told. */
  idOf(externalId: string): string;
  /** What was not known before. */
  readonly moves: readonly Move[];
}

/** Keeps what is told, and locks it: of two deliveries about one person the second sees what the first has learned. */
export async function learnAliases(tx: Queries, channel: ChannelName, told: readonly Alias[]): Promise<Aliases> {
  const last = new Map<string, Alias['of']>();
  for (const { externalId, of } of told) if (of !== null || !last.has(externalId)) last.set(externalId, of);
  if (last.size === 0) return { idOf: (externalId) => externalId, moves: [] };

  const ids = [...last.keys()].sort();
  await tx.query(
    `insert into collector.user_aliases (channel, external_id) select $1, external_id from unnest($2::text[]) external_id
     on conflict do nothing`,
    [channel, ids],
  );
  const rows = await tx.query<{ externalId: string; knownAs: string | null }>(
    `select external_id as "externalId", known_as as "knownAs" from collector.user_aliases
     where channel = $1 and external_id = any ($2) order by external_id for update`,
    [channel, ids],
  );
  const moves = rows.flatMap(({ externalId, knownAs }) => {
    const to = last.get(externalId) ?? null;
    return to === null || to.externalId === knownAs ? [] : [{ alias: externalId, from: knownAs ?? externalId, to }];
  });
  if (moves.length > 0)
    await tx.query(
      `update collector.user_aliases alias set known_as = told.known_as
       from unnest($2::text[], $3::text[]) told (external_id, known_as) where alias.channel = $1 and alias.external_id = told.external_id`,
      [channel, moves.map(({ alias }) => alias), moves.map(({ to }) => to.externalId)],
    );

  const now = new Map(rows.map(({ externalId, knownAs }) => [externalId, last.get(externalId)?.externalId ?? knownAs]));
  return { idOf: (externalId) => now.get(externalId) ?? externalId, moves };
}
