/** Who is on the bus. A named service is asked directly; only `list`, `stats` and `doctor` call out to everybody. */
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import type { Connected } from './connect.ts';
import { pauseUntil } from './pace.ts';

export interface ServiceInfo {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly {
    readonly name: string;
    readonly subject: string;
    readonly metadata: Readonly<Record<string, string>> | null;
  }[];
}
export interface ServiceStats {
  readonly name: string;
  readonly id: string;
  readonly started: string;
  readonly endpoints: readonly {
    readonly name: string;
    readonly num_requests: number;
    readonly num_errors: number;
    readonly last_error: string;
    readonly average_processing_time: number;
    readonly data?: Readonly<Record<string, unknown>> | null;
  }[];
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a service tells of its entries; [] when nobody answers. */
export async function askSchema({ bus, prefix }: Connected, service: string): Promise<readonly EntryFact[]> {
  const [answer] = await bus.gather(`${prefix}.ctl.${service}`, { op: 'schema' }, { waitMs: 1000, atMost: 1 });
  return isObject(answer) && Array.isArray(answer.entries)
    ? answer.entries.filter((entry): entry is EntryFact => isObject(entry) && typeof entry.address === 'string')
    : [];
}

async function survey(
  connected: Connected,
  what: 'INFO' | 'STATS' | 'PING',
  service: string | undefined,
  waitMs: number,
  signal: AbortSignal,
) {
  const answers = await connected.bus.gather(
    `$SRV.${what}${service === undefined ? '' : `.${service}`}`,
    {},
    { waitMs: waitMs * 4, quietMs: waitMs, signal },
  );
  return answers.filter((answer) => isObject(answer) && typeof answer.name === 'string' && typeof answer.id === 'string');
}

export async function infos(
  connected: Connected,
  service: string | undefined,
  waitMs: number,
  signal: AbortSignal,
): Promise<readonly ServiceInfo[]> {
  return (await survey(connected, 'INFO', service, waitMs, signal)) as readonly unknown[] as readonly ServiceInfo[];
}
export async function allStats(
  connected: Connected,
  service: string | undefined,
  waitMs: number,
  signal: AbortSignal,
): Promise<readonly ServiceStats[]> {
  return (await survey(connected, 'STATS', service, waitMs, signal)) as readonly unknown[] as readonly ServiceStats[];
}

/** Waits until `run` says it is over, showing it again every two seconds. */
export async function repeatUntilStopped(signal: AbortSignal, run: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await run();
    await pauseUntil(performance.now() + 2000, signal);
  }
}
