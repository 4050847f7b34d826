/** Commands of services: each `services/<folder>/cli/commands.ts` exports them by default. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PolybError } from '../../../contracts/kit/errors.ts';
import type { Command } from './command.ts';

/** @throws PolybError failed_precondition/cannot_load that names the file. */
export async function serviceCommands(services = join(import.meta.dirname, '../../../services')): Promise<readonly Command[]> {
  const files = readdirSync(services)
    .sort()
    .map((folder) => join(services, folder, 'cli', 'commands.ts'))
    .filter((file) => existsSync(file));
  return (await Promise.all(files.map(load))).flat();
}

async function load(file: string): Promise<readonly Command[]> {
  try {
    return ((await import(pathToFileURL(file).href)) as { default: readonly Command[] }).default;
  } catch (error) {
    const message = Error.isError(error) ? (error as Error).message : String(error);
    throw new PolybError('failed_precondition', `${file} cannot be loaded: ${message}`, { reason: 'cannot_load', cause: error });
  }
}
