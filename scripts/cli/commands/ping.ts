/** `polyb ping`: the round trip to the server and to every instance. */
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { infos } from '../kernel/discover.ts';
import { refusal } from '../kernel/failure.ts';

export async function ping(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [service] = args;
  await using connected = await connect(invocation);
  const found = await infos(connected, service, flags.ms('wait') ?? 250, signal);
  if (found.length === 0) {
    throw refusal('not_found', service === undefined ? 'no service replied' : `no instance of ${service} replied`, {
      subject: connected.server,
      next: ['polyb up', 'polyb status'],
    });
  }
  const rows: { service: string; instance: string; version: string; ms: number | null }[] = [];
  for (const { name, id, version } of found) {
    const began = performance.now();
    const [answer] = await connected.bus.gather(`$SRV.PING.${name}.${id}`, {}, { waitMs: 1000, atMost: 1, signal });
    rows.push({
      service: name,
      instance: id,
      version,
      ms: answer === undefined ? null : Math.round((performance.now() - began) * 100) / 100,
    });
  }
  rows.sort((a, b) => (a.service < b.service ? -1 : 1));
  await out.result(rows, {
    table: () => ({
      columns: ['SERVICE', 'INSTANCE', 'VERSION', 'MS'],
      rows: rows.map((row) => [row.service, row.instance, row.version, row.ms === null ? 'silent' : row.ms.toFixed(2)]),
      right: ['MS'],
    }),
  });
  return rows.some(({ ms }) => ms === null) ? 7 : 0;
}
