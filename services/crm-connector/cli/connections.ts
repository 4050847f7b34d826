/** `polyb crm connections`, `test`, `pause` and `resume`. */
import type { connections } from '../../../contracts/connections.ts';
import type { OutputOf } from '../../../contracts/kit/define.ts';
import { askMethod } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { checkFailed } from '../../../scripts/cli/system/report.ts';

export async function showConnections(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const { items } = await askMethod<OutputOf<typeof connections.list>>(invocation, 'connections.list', {});
  const bad = items.filter(({ state }) => state !== 'ok');
  await out.result(
    { items },
    {
      table: () => ({
        columns: ['KIND', 'CONNECTION', 'SYSTEM', 'STATE', 'SINCE', 'DETAIL'],
        rows: items.map(({ kind, connection, system, state, since, detail }) => [
          kind,
          connection,
          system,
          state,
          since === null ? '' : out.time(since),
          detail ?? '',
        ]),
      }),
      items,
    },
  );
  return bad.length === 0 ? 0 : checkFailed;
}

export async function showWebhooks(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const { items } = await askMethod<OutputOf<typeof connections.webhooks>>(invocation, 'connections.webhooks', {});
  await out.result(
    { items },
    {
      table: () => ({
        columns: ['KIND', 'CONNECTION', 'SYSTEM', 'PATH'],
        rows: items.map(({ kind, connection, system, path }) => [kind, connection, system, path]),
      }),
      items,
    },
  );
  if (items.length === 0) out.note('no connection reads deliveries; appointments are compared every BOOKING_RECONCILE_MS');
  return 0;
}

export async function showDifferences(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const [limit, cursor] = [flags.whole('limit'), flags.text('cursor')];
  const page = await askMethod<OutputOf<typeof connections.differences>>(invocation, 'connections.differences', {
    ...(limit !== undefined && { limit }),
    ...(cursor !== undefined && { cursor }),
  });
  await out.result(page, {
    table: () => ({
      columns: ['CONNECTION', 'CLIENT', 'CONTACT', 'FIELD', 'IN THE CRM', 'IN THE BOOKING SYSTEM'],
      rows: page.items.flatMap(({ connection, clientId, contactId, differs }) =>
        differs.map(({ field, crm, booking }) => [connection, clientId, contactId, field, crm ?? '', booking ?? '']),
      ),
    }),
    items: page.items,
  });
  if (page.nextCursor !== null) out.note(`next page: polyb crm differences --cursor ${page.nextCursor}`);
  return 0;
}

export async function testConnection(invocation: Invocation): Promise<number> {
  const { args, out } = invocation;
  const [phoneNumber] = args;
  if (phoneNumber === undefined)
    throw wrongUsage('expected the phone of a person who is known to be there', { subject: 'crm test', next: ['polyb crm test --help'] });
  const result = await askMethod<OutputOf<typeof connections.test>>(invocation, 'connections.test', { ...which(invocation), phoneNumber });
  await out.result(result, { text: () => `${result.system}  ${result.found} found  ${result.ms} ms` });
  if (result.found > 0) return 0;
  out.note(`${result.system} answers, but finds nobody: is the number stored there in another form, or the filter switched off?`, 'bad');
  return checkFailed;
}

export async function pauseConnection(invocation: Invocation): Promise<number> {
  const { flags, out } = invocation;
  const at = which(invocation);
  const reason = flags.text('reason');
  const result = await askMethod<{ changed: boolean }>(invocation, 'connections.pause', { ...at, ...(reason !== undefined && { reason }) });
  await out.result(result, { text: () => `${at.kind} ${at.connection}  paused` });
  out.note(result.changed ? 'nothing is sent until polyb crm resume' : 'it was paused before', 'ok');
  return 0;
}

export async function resumeConnection(invocation: Invocation): Promise<number> {
  const { out } = invocation;
  const at = which(invocation);
  const result = await askMethod<{ changed: boolean }>(invocation, 'connections.resume', at);
  await out.result(result, { text: () => `${at.kind} ${at.connection}  ${result.changed ? 'resumed' : 'was not paused'}` });
  return 0;
}

function which({ flags }: Invocation): { readonly kind: 'crm' | 'booking'; readonly connection: string } {
  return { kind: flags.on('booking') ? 'booking' : 'crm', connection: flags.text('connection') ?? 'main' };
}
