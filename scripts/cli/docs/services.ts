/** One page a contract: what may be asked, of whom, and how it can fail. */
import { deprecationText } from '../../../contracts/kit/deprecation.ts';
import type { ContractsFile, EntryFact } from '../../../contracts/kit/describe.ts';
import { httpOf } from '../../../contracts/kit/errors.ts';
import type { Loaded } from '../../../runtime/services.ts';
import { fieldTable } from './fields.ts';
import { code, fenced, markdown, type Page, table } from './page.ts';
import { serversOf } from './topology.ts';

export function servicePages(contracts: ContractsFile, services: readonly Loaded[]): readonly Page[] {
  const byService = Map.groupBy(Object.values(contracts.entries), ({ service }) => service);
  return [...byService].map(([service, entries]) => {
    const aliases = contracts.aliases.filter(({ to }) => to.startsWith(`${service}.`));
    const servedBy = serversOf(service, services);
    return markdown(`docs/reference/services/${service}.md`, service, [
      `Version ${entries[0]?.version}. ${servedBy.length === 0 ? '' : `Served by ${servedBy.map((name) => code(`services/${name}`)).join(', ')}.`}`.trim(),
      table(
        ['name', 'kind', 'description'],
        entries.map(({ name, kind, summary }) => [`[${name}](#${name})`, kind, summary]),
      ),
      aliases.length === 0 ? undefined : '## Aliases',
      table(
        ['name or route', 'port', 'method', 'fields'],
        aliases.map(({ from, port, to, fields = {} }) => [
          code(from),
          String(port ?? ''),
          code(to),
          Object.entries(fields)
            .map(([field, path]) => `${code(field)} ← ${code(path)}`)
            .join(', '),
        ]),
      ),
      ...entries.flatMap(entryParts),
    ]);
  });
}

function entryParts(entry: EntryFact): readonly (string | undefined)[] {
  const part = (title: string, schema: EntryFact['input']) => {
    const fields = schema && fieldTable(schema);
    return schema === undefined ? [] : [`### ${title}`, fields ?? 'Nothing.'];
  };
  return [
    `## ${entry.name}`,
    entry.deprecated === undefined ? undefined : `**Deprecated:** ${deprecationText(entry.deprecated)}`,
    entry.summary,
    table(['', ''], facts(entry)),
    ...part('Input', entry.input),
    ...part('Items sent', entry.up),
    ...part('Items received', entry.down),
    ...part('Output', entry.output),
    ...part('Payload', entry.payload),
    ...errorParts(entry),
    ...exampleParts(entry),
  ];
}

const idempotencyText = {
  read: 'safe: the method changes nothing',
  idempotent: 'safe: the method is idempotent',
  keyed: 'safe with the same key',
};

function facts(entry: EntryFact): readonly (readonly string[])[] {
  const subject =
    entry.kind === 'event'
      ? `polyb.evt.${entry.address}`
      : `polyb.rpc.${entry.address}${entry.owner ? `.{${entry.owner}}` : ''}${entry.roles ? '.by.{user}' : ''}`;
  const approval = { none: undefined, staff: 'a member of staff', customer: 'the customer', both: 'a member of staff and the customer' }[
    entry.approval ?? 'none'
  ];
  const all: readonly (readonly [string, string | undefined])[] = [
    ['subject', code(subject)],
    ['HTTP', entry.http && code(entry.http.route)],
    ['repeating', entry.idempotency && idempotencyText[entry.idempotency]],
    ['time limit', entry.timeoutMs === undefined ? undefined : `${entry.timeoutMs} ms`],
    ['first attempt within', entry.ttlMs === undefined ? undefined : `${entry.ttlMs} ms after its submission`],
    ['lane', entry.lane && code(entry.lane)],
    ['served by', entry.owner && `the instance that holds ${code(entry.owner)}`],
    ['approved by', approval],
    ['editable', entry.editable?.map(code).join(', ')],
    ['reaches', entry.reaches && 'a customer'],
    ['callers', entry.roles?.map(code).join(', ')],
    ['key', entry.key && code(entry.key)],
    ['topic', entry.topic && code(entry.topic)],
    ['when the window is full', entry.overflow && (entry.overflow === 'wait' ? 'the sender waits' : 'the oldest item is dropped')],
    ['event at its end', entry.settles ? code(`${entry.address}_settled`) : undefined],
    ['schema', code(entry.hash)],
  ];
  return all.flatMap(([name, text]) => (text === undefined || text === '' ? [] : [[name, text]]));
}

function errorParts({ errors = {} }: EntryFact): readonly (string | undefined)[] {
  const rows = Object.entries(errors).map(([reason, name]) => [
    code(reason),
    `[${name}](../errors.md#${name})`,
    String(httpOf(name, reason)),
  ]);
  return rows.length === 0 ? [] : ['### Errors', table(['reason', 'code', 'HTTP'], rows)];
}

function exampleParts({ kind, address, examples = [] }: EntryFact): readonly string[] {
  const [example] = examples;
  if (kind !== 'method' || example === undefined) return [];
  return ['### Example', fenced('sh', `polyb call ${address} -d '${JSON.stringify(example).replaceAll("'", `'\\''`)}'`)];
}
