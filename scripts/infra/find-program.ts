import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PolybError } from '../../contracts/kit/errors.ts';

/** Where servers that PolyB unpacked itself are kept. */
export const serversDir = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '.polyb', 'servers');

/** How a server's program was come by: on PATH, in a usual folder off PATH, or unpacked by PolyB. */
export type Origin = 'path' | 'folder' | 'unpacked';

export type FindOptions = {
  /** Keeps what has to be unpacked; `.polyb/servers` unless told. */
  readonly servers?: string;
  /** False looks only, and downloads nothing. */
  readonly unpack?: boolean;
  readonly signal?: AbortSignal | undefined;
};

/** The program's path in `folder`, or null. */
export function programIn(folder: string, name: string): string | null {
  const file = join(folder, process.platform === 'win32' ? `${name}.exe` : name);
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() ? file : null;
  } catch {
    // Not there, or not ours to run: both mean "look further".
    return null;
  }
}

/** The first folder's program of that name, or null. */
export function firstProgram(folders: readonly string[], name: string): string | null {
  for (const folder of folders) {
    const file = programIn(folder, name);
    if (file) return file;
  }
  return null;
}

export function onPath(name: string): string | null {
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && !folder.endsWith(join('node_modules', '.bin')));
  return firstProgram(folders, name);
}

/** A server that is not here and could not be unpacked, with what to type to get it: failed_precondition/server_missing. */
export function serverMissing(
  server: string,
  install: Record<'debian' | 'macos' | 'windows', string>,
  setting: string,
  cause?: unknown,
): PolybError {
  const command = { darwin: install.macos, win32: install.windows }[process.platform as string] ?? install.debian;
  const detail =
    cause === undefined ? '' : ` (unpacking it failed: ${cause instanceof Object && 'message' in cause ? cause.message : cause})`;
  const message = `${server} was not found${detail}. Install it: ${command} — or set ${setting} to a running one.`;
  return new PolybError('failed_precondition', message, { reason: 'server_missing', data: { server, install: command }, cause });
}
