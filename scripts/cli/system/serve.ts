/** `polyb serve`: services in this process, for a supervisor of one's own. */
import { serveFolders } from '../../../runtime/serve.ts';
import { serviceFolders } from '../../../runtime/services.ts';
import type { Invocation } from '../kernel/command.ts';
import { chosenFrom } from './expected.ts';

export async function serve({ args, signal }: Invocation): Promise<number> {
  const folders = chosenFrom(
    (await serviceFolders()).map((folder) => ({ folder })),
    args,
    'serve',
  );
  await serveFolders(
    folders.map(({ folder }) => folder),
    signal,
  );
  return 0;
}
