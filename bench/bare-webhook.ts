/** What one would write by hand for the same webhook: bare fastify, an insert and a commit for each update, nothing read of it and nothing told. */
import fastify from 'fastify';
import { openStore } from '../adapters/store/index.ts';
import { quiet } from '../runtime/noop-log.ts';

export const barePath = '/webhook';

async function serve(url: string): Promise<number> {
  const store = openStore({ url, name: 'bare', log: quiet });
  await store.query(
    `create table if not exists public.bare_updates (update_id bigint primary key, chat_id bigint not null, text text not null, body jsonb not null,
       received_at timestamptz not null default now())`,
  );
  const app = fastify();
  app.post(barePath, async ({ headers, body }, reply) => {
    if (headers['x-telegram-bot-api-secret-token'] !== process.env.SECRET) return reply.code(403).send();
    const { update_id: id, message } = body as { update_id: number; message: { chat: { id: number }; text: string } };
    await store.query('insert into public.bare_updates (update_id, chat_id, text, body) values ($1, $2, $3, $4) on conflict do nothing', [
      id,
      message.chat.id,
      message.text,
      body,
    ]);
    return {};
  });
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
}

if (import.meta.main) {
  const port = await serve(String(process.env.DATABASE_URL));
  process.once('disconnect', () => process.exit(0)).once('SIGTERM', () => process.exit(0));
  process.send?.(port);
}
