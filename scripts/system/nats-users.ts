/** The users of our own nats-server and what each may do, as its configuration says it. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Expected } from './expected.ts';
import { natsUsersFile } from './project.ts';
import type { RunValues } from './run-file.ts';

export const passwordSetting = (folder: string): string => `NATS_PASSWORD_${folder.toUpperCase().replaceAll('-', '_')}`;

/** Writes the file. False when it stands there already, word for word. */
export async function writeNatsUsers(all: readonly Expected[], run: RunValues): Promise<boolean> {
  const users = [
    `{ user: operator, password: "${run.POLYB_NATS_OPERATOR_PASSWORD}" }`,
    ...all.map(({ folder }) => `{ user: "${folder}", password: "${run[passwordSetting(folder)]}" }`),
  ];
  const text = `authorization { users: [\n${users.join('\n')}\n] }\n`;
  if (text === (await readFile(natsUsersFile, 'utf8').catch(() => ''))) return false;
  await writeFile(natsUsersFile, text, { mode: 0o600 });
  return true;
}
