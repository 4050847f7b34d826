import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { missingPaths, pathsIn } from './prose-paths.ts';

test('no page and no comment of the project names a path that does not exist', () => {
  expect(missingPaths(join(import.meta.dirname, '..')).map(({ file, line, path }) => `${file}:${line} ${path}`)).toEqual([]);
});

test('a path is found in a comment and on a page, and not in code', () => {
  const code = ['/** As in docs/gone.md. */', "const file = 'docs/other.md'; // see bus/gone.ts"].join('\n');
  expect(pathsIn('bus/bus.ts', code)).toEqual([
    { file: 'bus/bus.ts', line: 1, path: 'docs/gone.md' },
    { file: 'bus/bus.ts', line: 2, path: 'bus/gone.ts' },
  ]);
  const page = ['See `bus/gone.ts`.', '```ts', '// services/yours/service.ts', '```', 'And config/gone.ts.'].join('\n');
  expect(pathsIn('docs/page.md', page).map(({ line, path }) => `${line} ${path}`)).toEqual(['1 bus/gone.ts', '5 config/gone.ts']);
});

test('a placeholder is no path', () => {
  expect(pathsIn('docs/page.md', 'services/<role>/migrations/NNNN_x.sql, adapters/vendors/<vendor>/client.ts')).toEqual([]);
});
