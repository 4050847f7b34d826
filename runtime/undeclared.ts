/** What a service calls and hears beyond its `uses`: the bus would refuse it in the middle of the work. */
import { isPipeline } from '../bus/durable/pipeline.ts';
import type { Service } from '../bus/service.ts';
import type { Entry } from '../contracts/kit/define.ts';
import { PolybError } from '../contracts/kit/errors.ts';

type Running = Awaited<ReturnType<Service['make']>>;
interface Need {
  readonly entry: Entry;
  /** `step paid of pipeline shop.sell`. */
  readonly by: string;
}

/** @throws PolybError failed_precondition/bad_settings that names each entry to add. */
export function requireUses(folder: string, { serves, uses }: Pick<Service, 'serves' | 'uses'>, running: Running): void {
  const declared = new Set(uses.map(({ address }) => address));
  const own = new Set(Object.values(serves).flatMap((contract) => Object.values(contract).map(({ service }) => service)));
  const missing = needsOf(serves, running).filter(({ entry }) => !declared.has(entry.address) && !own.has(entry.service));
  if (missing.length === 0) return;
  const add = [...new Set(missing.map(({ entry }) => entry.address))].join(', ');
  const lines = missing.map(({ entry, by }) => `  ${by}: ${entry.address}`);
  throw new PolybError(
    'failed_precondition',
    `${folder} needs more than its \`uses\` names. Add ${add} to \`uses\` in services/${folder}/service.ts, then: polyb up ${folder}\n${lines.join('\n')}`,
    { reason: 'bad_settings' },
  );
}

function needsOf(serves: Service['serves'], running: Running): readonly Need[] {
  const handlers = Object.keys(serves).flatMap((contract) => Object.values(running[contract] ?? {}) as readonly unknown[]);
  const parts = handlers.filter(isPipeline).flatMap(({ definition: { method, parts } }) =>
    parts.flatMap((part): readonly Need[] => {
      const by = `${part.kind} ${part.name} of pipeline ${method.address}`;
      return part.kind === 'step' ? [{ entry: part.method, by }] : part.kind === 'wait' ? [{ entry: part.event, by }] : [];
    }),
  );
  const consumers = (running.on ?? []).map(({ consumes }) => ({ entry: consumes, by: 'a consumer' }));
  const wakers = (running.loops ?? []).flatMap(({ name, schedule }): readonly Need[] =>
    'wakeOn' in schedule && schedule.wakeOn !== undefined ? [{ entry: schedule.wakeOn, by: `loop ${name}` }] : [],
  );
  return [...parts, ...consumers, ...wakers];
}
