/** Pages of the documentation as programs: their blocks that are marked `test`, and the files that they show. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export type Step =
  | { readonly kind: 'command'; readonly command: string /** `…` stands for anything. */; readonly shown: readonly string[] | undefined }
  | { readonly kind: 'file'; readonly path: string; readonly text: string };

/** In the order of the page: each command of `sh test`, each command of `console test` with its output, each file of `ts PATH` and `sql PATH`. */
export async function stepsOf(page: string): Promise<readonly Step[]> {
  const text = await readFile(join(root, page), 'utf8');
  return [...text.matchAll(/^```(sh test|console test|(?:ts|sql) \S+)\n(.*?)^```/gms)].flatMap(
    ([, info = '', block = '']): readonly Step[] => {
      if (info === 'sh test') return commands(block).map((command) => ({ kind: 'command', command, shown: undefined }));
      if (!info.endsWith(' test')) return [{ kind: 'file', path: info.slice(info.indexOf(' ') + 1), text: block }];
      return block
        .split(/^\$ /m)
        .slice(1)
        .map((step) => {
          const [command = '', ...shown] = step.trimEnd().split('\n');
          return { kind: 'command', command, shown };
        });
    },
  );
}
const commands = (block: string): readonly string[] => block.trim().split('\n');

/** `…` stands for any text of a line, and alone in a line for any lines. */
function likeShown(shown: string): RegExp {
  const line = (part: string): string => part.split('…').map(RegExp.escape).join('.*');
  return new RegExp(`^${shown.split(/^…$/m).map(line).join('[\\s\\S]*')}$`);
}

/** Does what a page says, in a checkout at `dir`; answers the outputs that are not as the page shows them. */
export async function follow(
  steps: readonly Step[],
  { dir, shell, gatewayPort }: { readonly dir: string; readonly shell: (command: string) => Promise<string>; readonly gatewayPort: string },
): Promise<readonly { readonly command: string; readonly shown: string; readonly said: string }[]> {
  const others = [];
  for (const step of steps) {
    if (step.kind === 'file') {
      const file = join(dir, step.path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, step.text);
      continue;
    }
    const command = step.command.replaceAll(':8300/', `:${gatewayPort}/`);
    const shown = step.shown?.join('\n');
    const like = shown === undefined ? /^/ : likeShown(shown);
    // A message is judged a moment after it came.
    const tries = command.includes(' -G ') ? 100 : 1;
    let said = await shell(command);
    for (let n = 1; n < tries && !like.test(said); n += 1) said = await shell(`sleep 0.2; ${command}`);
    if (!like.test(said)) others.push({ command, shown: shown ?? '', said });
  }
  return others;
}
