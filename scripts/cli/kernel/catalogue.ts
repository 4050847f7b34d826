/** What can be called: contracts.json for what this project knows, the bus for what it does not. */
import { readFileSync } from 'node:fs';
import type { Callable } from '../../../bus/call.ts';
import type { ContractsFile, EntryFact } from '../../../contracts/kit/describe.ts';
import { resolve } from '../../../contracts/kit/legacy-body.ts';
import { refusal } from './failure.ts';
import { nearest } from './nearest.ts';

export interface Catalogue extends Omit<ContractsFile, '$comment'> {
  /** By full address. */
  readonly entries: Readonly<Record<string, EntryFact>>;
}

/** The contracts as they were generated; while that file is missing, as the code says. */
export async function readCatalogue(file = new URL('../../../contracts.json', import.meta.url)): Promise<Catalogue> {
  const text = textOf(file);
  if (text !== undefined) return JSON.parse(text) as ContractsFile;
  return await catalogueOfCode();
}

function textOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The same of the code beside it, for what contracts.json does not know yet. */
export async function catalogueOfCode(): Promise<Catalogue> {
  return await (await import('../docs/contracts.ts')).contractsOfCode();
}

export interface Addressed {
  /** Where the method was found. */
  readonly catalogue: Catalogue;
  readonly entry: EntryFact;
  /** What was typed, when it is a name from before PolyB. */
  readonly alias: string | undefined;
}
/** Asks the bus what a service takes that the contracts do not know; an empty list when nobody answers. */
export type Ask = (service: string) => Promise<readonly EntryFact[]>;
/** Where a method is looked for that the catalogue does not have. */
export interface Elsewhere {
  readonly code?: () => Promise<Catalogue>;
  readonly bus?: Ask | undefined;
}

/** `crm@1.push_to_crm` → the major version 1 and `crm.push_to_crm`. */
function unpin(typed: string): { readonly name: string; readonly major: number | undefined } {
  const found = /^([a-z][a-z0-9_]*)@(\d+)\.(.+)$/.exec(typed);
  return found === null ? { name: typed, major: undefined } : { name: `${found[1]}.${found[3]}`, major: Number(found[2]) };
}

/** The method that was meant. @throws not_found with the nearest names, before anything is sent. */
export async function findMethod(written: Catalogue, typed: string, { code, bus }: Elsewhere = {}): Promise<Addressed> {
  const { name, major } = unpin(typed);
  const catalogue = known(written, name) !== undefined || code === undefined ? written : await code();
  const entry = known(catalogue, name) ?? (bus === undefined ? undefined : await fromBus(catalogue, name, bus));
  if (entry === undefined) throw unknownMethod(catalogue, name);
  if (major !== undefined && Number.parseInt(entry.version, 10) !== major) {
    throw refusal('failed_precondition', `expected ${entry.service} version ${major}; the contract is ${entry.version}`, {
      subject: typed,
      next: [`polyb describe ${entry.address}`],
    });
  }
  if (entry.kind !== 'method') throw notCallable(entry);
  return { catalogue, entry, alias: name === entry.address || !name.includes('.') ? undefined : name };
}

function known({ entries, aliases }: Catalogue, name: string): EntryFact | undefined {
  const direct = entries[name] ?? entries[resolve(aliases, name, undefined).address];
  if (direct !== undefined || name.includes('.')) return direct;
  const sameName = Object.values(entries).filter((entry) => entry.name === name);
  const methods = sameName.filter(({ kind }) => kind === 'method');
  if (methods.length > 1) {
    throw refusal('invalid_argument', `several services have a method ${name}`, {
      subject: name,
      close: methods.map(({ address }) => address),
      reason: 'ambiguous',
    });
  }
  return methods[0] ?? sameName[0];
}

async function fromBus(catalogue: Catalogue, name: string, ask: Ask): Promise<EntryFact | undefined> {
  const [service, method] = name.split('.');
  if (service === undefined || method === undefined || !/^[a-z][a-z0-9_]*$/.test(service)) return undefined;
  if (Object.values(catalogue.entries).some((entry) => entry.service === service)) return undefined;
  const entries = await ask(service);
  const found = entries.find(({ address }) => address === name);
  if (found === undefined && entries.length > 0)
    throw unknownMethod({ ...catalogue, entries: Object.fromEntries(entries.map((entry) => [entry.address, entry])) }, name);
  return found;
}

function unknownMethod({ entries, aliases }: Catalogue, name: string): Error {
  const methods = Object.values(entries).filter(({ kind }) => kind === 'method');
  const [service = ''] = name.split('.');
  const ofService = methods.filter((entry) => entry.service === service);
  const close = name.includes('.')
    ? nearest(name, [...methods.map(({ address }) => address), ...aliases.map(({ from }) => from).filter((from) => !from.includes(' '))])
    : nearest(
        name,
        methods.map((entry) => entry.name),
      );
  return refusal('not_found', `there is no method ${name}`, {
    subject: name,
    reason: 'unknown_method',
    close: close.length > 0 || ofService.length === 0 ? close : ofService.slice(0, 8).map(({ address }) => address),
    next: [`polyb list${ofService.length > 0 ? ` ${service}` : ''} --methods`],
  });
}

function notCallable({ address, kind }: EntryFact): Error {
  const next = kind === 'event' ? [`polyb listen ${address}`] : [`polyb describe ${address}`];
  return refusal('invalid_argument', `${address} is ${kind === 'event' ? 'an event' : 'a stream'}, and only methods are called`, {
    subject: address,
    next,
  });
}

/** What the bus needs of a method to call it. */
export function callable({ address, service, name, timeoutMs = 10_000, idempotency = 'read', owner, bytes }: EntryFact): Callable {
  return { address, service, name, timeoutMs, idempotency, owner, ...(bytes && { bytes }) };
}
