/** Finding commands in the tree. */
import type { Command } from './command.ts';

export interface Found {
  readonly command: Command;
  /** `runs show`. */
  readonly path: string;
  /** What follows the command's name. */
  readonly rest: readonly string[];
}
const named = (tree: readonly Command[], name: string | undefined): Command | undefined =>
  tree.find((command) => command.name === name || command.aliases?.includes(name ?? ''));

/** The deepest command of the tree that the words name; undefined when not even the first does. */
export function findCommand(tree: readonly Command[], words: readonly string[]): Found | undefined {
  const first = named(tree, words[0]);
  if (first === undefined) return undefined;
  const second = first.commands && named(first.commands, words[1]);
  return second === undefined
    ? { command: first, path: first.name, rest: words.slice(1) }
    : { command: second, path: `${first.name} ${second.name}`, rest: words.slice(2) };
}

/** Every command that can be run, with its path. */
export function leaves(tree: readonly Command[], above = ''): readonly { readonly path: string; readonly command: Command }[] {
  return tree.flatMap((command) => {
    const path = `${above}${command.name}`;
    return [...(command.run ? [{ path, command }] : []), ...leaves(command.commands ?? [], `${path} `)];
  });
}
