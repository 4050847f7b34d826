/**
 * Paths that prose names: in Markdown and in comments. `node scripts/prose-paths.ts` prints each one that does not exist and exits 1.
 *
 * A path is one that begins with a folder of the project and ends in a file's extension; placeholders (`<role>`, `NNNN`, `…`) are no paths.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export interface NamedPath {
  readonly file: string;
  readonly line: number;
  readonly path: string;
}
const folders = [
  'adapters',
  'bench',
  'bus',
  'config',
  'contracts',
  'deploy',
  'docs',
  'examples',
  'facts',
  'media',
  'runtime',
  'scripts',
  'seeds',
  'services',
  'shared',
  'test',
  'web',
];
const named = new RegExp(
  String.raw`(?<![\w./<-])(?:${folders.join('|')})/[\w./-]+\.(?:ts|js|json|jsonl|md|sql|txt|py|conf|service)\b(?![\w<])`,
  'g',
);
const comment = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g;
/** A block of a page shows files that its reader writes. */
const block = /^```[\s\S]*?^```/gm;

/** The paths that the prose of one file names. Of code only comments are prose, of a page everything but its blocks of code. */
export function pathsIn(file: string, text: string): NamedPath[] {
  const prose = file.endsWith('.md')
    ? [{ index: 0, text: text.replace(block, (code) => code.replace(/[^\n]/g, ' ')) }]
    : [...text.matchAll(comment)].map((match) => ({ index: match.index, text: match[0] }));
  return prose.flatMap((part) =>
    [...part.text.matchAll(named)].map((match) => ({
      file,
      line: text.slice(0, part.index + match.index).split('\n').length,
      path: match[0],
    })),
  );
}

/** Those that do not exist below `root`. */
export function missingPaths(root: string, files: readonly string[] = proseFiles(root)): NamedPath[] {
  return files.flatMap((file) => pathsIn(file, readFileSync(join(root, file), 'utf8'))).filter(({ path }) => !existsSync(join(root, path)));
}

function proseFiles(root: string): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => posix.join(folder, file.replaceAll('\\', '/')));
  const own = readdirSync(root, { encoding: 'utf8' });
  return [
    ...own.filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md'),
    ...folders.filter((folder) => own.includes(folder)).flatMap(below),
  ].filter((file) => /(?<!\.test)\.(?:ts|js|md|sql)$/.test(file) && !file.includes('node_modules/') && !file.startsWith('docs/reference/'));
}

if (import.meta.main) {
  const missing = missingPaths(join(import.meta.dirname, '..'));
  for (const { file, line, path } of missing) console.error(`${file}:${line} names ${path}, which does not exist`);
  process.exitCode = missing.length > 0 ? 1 : 0;
}
