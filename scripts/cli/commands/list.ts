/** `polyb list`: what the contracts promise beside what is there. */
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import { refreshCache } from '../kernel/cache.ts';
import { readCatalogue } from '../kernel/catalogue.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect } from '../kernel/connect.ts';
import { infos, repeatUntilStopped, type ServiceInfo } from '../kernel/discover.ts';
import { refusal } from '../kernel/failure.ts';
import { matches } from '../kernel/pattern.ts';
import { clean } from '../kernel/text.ts';

interface Listed {
  readonly service: string;
  readonly version: string;
  readonly instances: number;
  readonly state: 'up' | 'absent' | 'mixed';
  readonly daemons: readonly string[];
  readonly methods: readonly string[];
}

export async function list(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal, env } = invocation;
  const [pattern = '*'] = args;
  const catalogue = await readCatalogue();
  const known = Object.values(catalogue.entries);
  refreshCache(known, env);
  const wanted = known.filter(({ service, address }) => matches(pattern, service) || matches(pattern, address));
  if (flags.on('cached')) return await show(invocation, wanted, merge(wanted, []));
  await using connected = await connect(invocation);
  const look = async (): Promise<readonly Listed[]> => {
    const found = await infos(connected, undefined, flags.ms('wait') ?? 250, signal);
    return merge(
      wanted,
      found.filter(({ name }) => matches(pattern, name) || wanted.some(({ service }) => service === name)),
    );
  };
  if (!flags.on('watch')) return await show(invocation, wanted, await look());
  await repeatUntilStopped(signal, async () => out.redraw(draw(await look())));
  return 0;
}

/** One row a contract; a service that no contract knows is shown with the methods that it tells of. */
function merge(known: readonly EntryFact[], found: readonly ServiceInfo[]): readonly Listed[] {
  const names = new Set([...known.map(({ service }) => service), ...found.map(({ name }) => name)]);
  return [...names].sort().map((service): Listed => {
    const here = found.filter(({ name }) => name === service);
    const entries = known.filter((entry) => entry.service === service && entry.kind !== 'event');
    const versions = [...new Set(here.map(({ version }) => version))];
    return {
      service,
      version:
        versions.length === 0
          ? (entries[0]?.version ?? known.find((entry) => entry.service === service)?.version ?? '')
          : versions.join(' '),
      instances: here.length,
      state: here.length === 0 ? 'absent' : versions.length > 1 ? 'mixed' : 'up',
      daemons: [...new Set(here.map(({ metadata }) => metadata?.['polyb.daemon']).filter((daemon) => daemon !== undefined))],
      methods:
        entries.length > 0
          ? entries.map(({ name }) => name)
          : [...new Set(here.flatMap(({ endpoints }) => endpoints.map(({ name }) => name)))],
    };
  });
}

async function show({ args, flags, out }: Invocation, wanted: readonly EntryFact[], listed: readonly Listed[]): Promise<number> {
  if (listed.length === 0) {
    throw refusal('not_found', 'no service or method matches', { subject: args[0] ?? 'list', next: ['polyb list'] });
  }
  if (flags.on('methods')) {
    const methods = wanted.filter(({ kind }) => kind !== 'event');
    const rows = methods.map(({ address, kind, idempotency, summary, reaches }) => ({
      address,
      kind,
      idempotency: idempotency ?? null,
      reaches: reaches ?? null,
      summary,
    }));
    await out.result(rows, {
      table: () => ({
        columns: ['METHOD', 'KIND', 'SUMMARY'],
        rows: rows.map(({ address, kind, idempotency, reaches, summary }) => [
          address,
          `${idempotency ?? kind}${reaches === null ? '' : ', customer'}`,
          summary,
        ]),
      }),
    });
    return 0;
  }
  await out.result(listed, { text: () => draw(listed), table: () => tableOf(listed) });
  const up = listed.filter(({ instances }) => instances > 0).length;
  // A contract may be there for others to serve, so an absent one is no fault by itself.
  if (!flags.on('cached')) out.note(`${up} of ${listed.length} contracts served`, up === 0 ? 'warn' : 'ok');
  return 0;
}

const tableOf = (listed: readonly Listed[]) => ({
  columns: ['SERVICE', 'VERSION', 'INST', 'STATE', 'DAEMON', 'METHODS'],
  rows: listed.map(({ service, version, instances, state, daemons, methods }) => [
    service,
    version,
    String(instances),
    state,
    daemons.join(' '),
    methods.join(' '),
  ]),
  right: ['INST'],
});

/** Narrow enough to read: methods stand under their service. */
function draw(listed: readonly Listed[]): string {
  const width = Math.max(...listed.map(({ service }) => service.length));
  return listed
    .map(({ service, version, instances, state, methods }) => {
      const head = `${service.padEnd(width)}  ${version.padEnd(7)} ${state === 'absent' ? 'absent' : `${instances} inst${state === 'mixed' ? ', versions differ' : ''}`}`;
      return `${clean(head)}\n  ${clean(methods.join('  '))}`;
    })
    .join('\n');
}
