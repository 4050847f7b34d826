/** `polyb tail`: calls as they happen, from taps that services grant for 30 s and we renew. */

import type { CallRecord } from '../../../bus/telemetry/records.ts';
import { decode } from '../../../bus/wire/codec.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { refusal } from '../kernel/failure.ts';
import type { Output } from '../kernel/output.ts';
import { pauseUntil } from '../kernel/pace.ts';
import { matches } from '../kernel/pattern.ts';
import { spanMs } from '../kernel/text.ts';

const renewMs = 10_000;
const heartbeatMs = 10_000;

interface Batch {
  readonly instance: string;
  readonly dropped: number;
  readonly records: readonly CallRecord[];
}

export async function tail(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  const [pattern = '*'] = args;
  const giveUpMs = flags.ms('give-up');
  const mostCalls = flags.whole('count');
  const forMs = flags.ms('for');
  const keep = filter(invocation, pattern);
  await using connected = await connect(invocation, { lasting: true });
  const { bus, transport, prefix, server } = connected;
  const done = new AbortController();
  const until = AbortSignal.any([signal, done.signal, ...(forMs === undefined ? [] : [AbortSignal.timeout(forMs)])]);

  let [shown, hidden, dropped] = [0, 0, 0];
  let heardAt = Date.now();
  let isStale = false;
  const droppedBy = new Map<string, number>();
  const take = (batch: Batch): void => {
    heardAt = Date.now();
    droppedBy.set(batch.instance, batch.dropped ?? 0);
    dropped = [...droppedBy.values()].reduce((sum, count) => sum + count, 0);
    for (const record of batch.records) {
      if (!keep(record) || until.aborted) {
        hidden += 1;
        continue;
      }
      shown += 1;
      void out.item(record, () => lineOf(record, out));
      if (shown === mostCalls) done.abort();
    }
  };
  const to = `${transport.inbox}.tap.1`;
  const subscription = transport.subscribe(to, ({ data }) => take(decode('json', data) as Batch));
  await transport.flush();
  const offConnection = bus.onConnection((isUp) =>
    out.note(isUp ? 'the bus is back' : 'the bus connection dropped; calls are not shown until it is back', isUp ? 'ok' : 'warn'),
  );
  /** Asks every service again; resolves with how many instances answered. */
  const lease = async (): Promise<number> => {
    if (!bus.connected) return 0;
    const pings = (await bus.gather('$SRV.PING', {}, { waitMs: 500, quietMs: 150, signal: until })) as readonly {
      readonly name?: unknown;
    }[];
    const services = [...new Set(pings.map((ping) => ping?.name).filter((name) => typeof name === 'string'))].filter(isWanted(pattern));
    const granted = await Promise.all(
      services.map((service) => bus.gather(`${prefix}.ctl.${service}`, { op: 'tap', to }, { waitMs: 500, quietMs: 150, signal: until })),
    );
    return granted.flat().length;
  };
  try {
    let instances = await lease();
    out.note(`connected to ${server}; ${instances} instances report their calls (Ctrl-C to stop)`, instances > 0 ? 'ok' : 'warn');
    if (instances > 0) heardAt = Date.now();
    while (!until.aborted) {
      await pauseUntil(performance.now() + Math.min(renewMs, giveUpMs ?? renewMs), until);
      if (until.aborted) break;
      instances = await lease();
      if (instances > 0) heardAt = Date.now();
      const silentMs = Date.now() - heardAt;
      if (silentMs >= heartbeatMs && !isStale)
        out.note(`no instance has responded for ${spanMs(silentMs)}: the output may be incomplete`, 'warn');
      if (silentMs < heartbeatMs && isStale) out.note('instances respond again', 'ok');
      isStale = silentMs >= heartbeatMs;
      if (giveUpMs !== undefined && silentMs >= giveUpMs) {
        throw refusal('unavailable', `gave up after ${spanMs(silentMs)} without the bus or any service`, {
          subject: server,
          reason: 'not_connected',
          effect: 'nothing_done',
          next: ['polyb status'],
        });
      }
    }
    return 0;
  } finally {
    offConnection();
    subscription.unsubscribe();
    out.note(`${shown} shown, ${hidden} hidden by filters, ${dropped} dropped`, dropped > 0 ? 'warn' : undefined);
  }
}

/** A service is asked when the pattern may mean it or a method of it. */
function isWanted(pattern: string): (service: string) => boolean {
  const [service = '*'] = pattern.split('.');
  return (name) => pattern.startsWith('*') || matches(service, name);
}

function filter({ flags }: Invocation, pattern: string): (record: CallRecord) => boolean {
  const [status, slowerMs, traceId, caller] = [flags.text('status'), flags.ms('slower'), flags.text('trace-id'), flags.text('caller')];
  return ({ side, address, code, ms, caller: who, traceId: id }) =>
    side === 'server' &&
    (matches(pattern, address) || matches(pattern, address.split('.')[0] ?? '') || matches(pattern, address.split('.')[1] ?? '')) &&
    (status === undefined || (status === 'ok') === (code === 'ok')) &&
    (slowerMs === undefined || ms > slowerMs) &&
    (traceId === undefined || id.startsWith(traceId)) &&
    (caller === undefined || caller === who);
}

function lineOf({ at, ms, address, service, instance, code, reason, traceId, caller }: CallRecord, { paint, ascii }: Output): string {
  const time = new Date(at).toISOString().slice(11, 23);
  const mark = code === 'ok' ? paint('green', ascii ? '+' : '✓') : paint('red', ascii ? 'x' : '✗');
  const ended = code === 'ok' ? '' : `  ${reason ?? code}`;
  return `${time} ${mark} ${address.padEnd(28)} ${spanMs(ms).padStart(8)}  ${traceId.slice(0, 8)}  ${caller || '?'} → ${service}#${instance.slice(0, 4)}${ended}`;
}
