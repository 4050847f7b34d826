/** `polyb contracts export|diff|check` without the command line around it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aliases } from '../../../contracts/aliases.ts';
import { asyncApi, type Change, type ContractsFile, compare, exported, openApi, unannounced } from '../../../contracts/kit/describe.ts';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { readContracts, readPipelines, root } from './catalogue.ts';

/** What the code says now. */
export async function contractsOfCode(): Promise<ContractsFile> {
  return exported(await readContracts(), aliases, await readPipelines());
}

export type Format = 'openapi' | 'asyncapi' | 'jsonschema';
/** `jsonschema` is what `contracts.json` holds. */
export function exportContracts(contracts: ContractsFile, format: Format): unknown {
  const info = { version: version() };
  switch (format) {
    case 'openapi':
      return openApi(contracts, info);
    case 'asyncapi':
      return asyncApi(contracts, info);
    case 'jsonschema':
      return contracts;
  }
}
export function version(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/** What changed between two files; the second is the code unless given. */
export async function diffContracts(before: string, after?: string): Promise<readonly Change[]> {
  return compare(readExported(before), after === undefined ? await contractsOfCode() : readExported(after));
}

/** A copy of contracts.json as it was released. */
export const released = join(root, 'contracts/released.json');

/** What breaks those who use the release in `releasedFile`, unless a new major version of the contract says so.
 *  @throws PolybError failed_precondition/no_release when there is nothing to compare with. */
export async function checkContracts(releasedFile: string = released): Promise<readonly Change[]> {
  if (releasedFile === released && !existsSync(released))
    throw new PolybError(
      'failed_precondition',
      'Nothing has been released yet, so there is nothing to compare with: contracts/released.json is missing. A release writes it: polyb contracts export --format jsonschema > contracts/released.json. Any other export can be given as FILE.',
      { reason: 'no_release' },
    );
  return unannounced(readExported(releasedFile), await contractsOfCode());
}

function readExported(file: string): ContractsFile {
  const wrong = (cause: unknown, what: string) =>
    new PolybError('invalid_argument', `${file}: expected a file that polyb contracts export wrote; ${what}.`, {
      reason: 'bad_file',
      cause,
    });
  let given: Partial<ContractsFile> | null;
  try {
    given = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw wrong(error, 'it cannot be read as JSON');
  }
  if (typeof given !== 'object' || given === null || typeof given.entries !== 'object') throw wrong(undefined, 'it contains no entries');
  return { $comment: '', aliases: [], pipelines: {}, ...given } as ContractsFile;
}
