/** Updates as the channel delivered them, for replay. */
import { hash } from 'node:crypto';
import type { ChannelName, UpdateBatch } from '../../../adapters/channel/port.ts';
import type { Queries } from '../../../bus/service.ts';
import type { Bot } from './chats.ts';

/** Returns which updates were new. */
export async function keepRaw(tx: Queries, { channel, botId }: Bot, updates: UpdateBatch['updates']): Promise<ReadonlySet<number>> {
  if (updates.length === 0) return new Set();
  const rows = updates.map(({ externalId, raw }, n) => ({
    n,
    external_id: externalId,
    body: raw,
    digest: hash('sha256', raw, 'base64url').slice(0, 22),
  }));
  const inserted = await tx.query<{ external_id: string; digest: string }>(
    `insert into collector.raw_updates (channel, bot_id, external_id, digest, body)
     select $1, $2, external_id, digest, body
     from unnest($3::text[], $4::text[], $5::text[]) with ordinality as row (external_id, digest, body, n) order by n
     on conflict do nothing returning external_id, digest`,
    [channel, botId, rows.map((row) => row.external_id), rows.map((row) => row.digest), rows.map((row) => row.body)],
  );
  const news = new Set(inserted.map((row) => `${row.external_id} ${row.digest}`));
  return new Set(rows.filter((row) => news.has(`${row.external_id} ${row.digest}`)).map(({ n }) => n));
}

/** Short numeric names are searched only where a raw update names a person. */
export async function eraseRaw(tx: Queries, channel: ChannelName, names: readonly string[], fields: readonly string[]): Promise<void> {
  const [any, long] = [names, names.filter((name) => name.length >= 7)].map((some) => some.map(quoted).join('|'));
  const mention = long === '' ? '' : `|(^|[^[:alnum:]_])(${long})([^[:alnum:]_]|$)`;
  await tx.query('delete from collector.raw_updates where channel = $1 and body ~ $2', [
    channel,
    `"(${fields.join('|')})"\\s*:\\s*"?(${any})"?\\s*[,}]${mention}`,
  ]);
}
export const quoted = (name: string): string => name.replace(/[^\w-]/g, '\\$&');

export interface RawUpdate {
  readonly id: string;
  readonly botId: string;
  readonly body: string;
}
/** Oldest first. */
export function rawUpdates(
  db: Queries,
  of: { readonly channel: ChannelName; readonly botId?: string | undefined; readonly since: string; readonly until: string },
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly RawUpdate[]> {
  return db.query<RawUpdate>(
    `select id::text, bot_id as "botId", body from collector.raw_updates
     where channel = $1 and received_at >= $2 and received_at < $3 and ($4::text is null or bot_id = $4) and id > $5
     order by raw_updates.id limit $6`,
    [of.channel, of.since, of.until, of.botId ?? null, after, limit],
  );
}
