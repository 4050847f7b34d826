/** The services that stand in services/, and what each must answer to be called ready. */
import type { Service } from '../../../bus/service.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { loadServices, serviceFolders } from '../../../runtime/services.ts';
import { wrongUsage } from '../kernel/failure.ts';
import { nearest } from '../kernel/nearest.ts';

export interface Expected {
  readonly folder: string;
  readonly service: Service;
  /** Names of the contracts of which it serves something. */
  readonly contracts: readonly string[];
  readonly methods: number;
  /** The settings that pick its vendors, and the built-in choice of each. */
  readonly vendors: readonly { readonly setting: string; readonly fallback: string }[];
}

/** @throws PolybError failed_precondition/cannot_load that names the service whose code does not load. */
export async function expectedServices(): Promise<readonly Expected[]> {
  return Promise.all((await serviceFolders()).map(expect));
}

async function expect(folder: string): Promise<Expected> {
  const service = await load(folder);
  const served = Object.values(service.serves)
    .flatMap((contract) => Object.values(contract))
    .filter(({ kind }) => kind !== 'event');
  return {
    folder,
    service,
    contracts: [...new Set(served.map((entry) => entry.service))],
    methods: served.length,
    vendors: Object.values(service.vendors),
  };
}

async function load(folder: string): Promise<Service> {
  try {
    const [loaded] = await loadServices([folder]);
    if (loaded?.service?.serves === undefined) throw new TypeError('its default export is no service(…).start(…)');
    return loaded.service;
  } catch (error) {
    const message = Error.isError(error) ? (error as Error).message : String(error);
    throw new PolybError('failed_precondition', `services/${folder}/service.ts cannot be loaded: ${message}`, {
      reason: 'cannot_load',
      cause: error,
    });
  }
}

/** Those named, or all. @throws invalid_argument for a name that is none. */
export function chosenFrom<T extends { readonly folder: string }>(
  all: readonly T[],
  names: readonly string[],
  command: string,
): readonly T[] {
  const folders = all.map(({ folder }) => folder);
  for (const name of names) {
    if (!folders.includes(name))
      throw wrongUsage(`there is no service ${name}`, {
        subject: command,
        close: nearest(name, folders),
        next: [`services: ${folders.join(' ')}`],
      });
  }
  return names.length === 0 ? all : all.filter(({ folder }) => names.includes(folder));
}
