import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from '@jest/globals';

/** What a file needs to run: its imports, but not those of types and not those it loads when it needs them. */
function needs(file: string, seen = new Set<string>()): Set<string> {
  const source = readFileSync(file, 'utf8');
  for (const [, from] of source.matchAll(/^(?:import|export) (?!type\b)[^;]*?from '([^']+)';/gm)) {
    const target = from?.startsWith('.') ? join(dirname(file), from) : (from as string);
    if (seen.has(target)) continue;
    seen.add(target);
    if (from?.startsWith('.')) needs(target, seen);
  }
  return seen;
}

test('calling needs no schema library, so that the command line starts at once', () => {
  const here = import.meta.dirname;
  for (const file of ['bus.ts', 'transports/nats.ts', 'transports/in-process.ts']) {
    const names = [...needs(join(here, file))].map((one) => (one.startsWith('/') ? relative(here, one) : one));
    expect(names).not.toContain('zod');
    expect(names).not.toContain('msgpackr');
    expect(names).not.toContain('../contracts/kit/define.ts');
    if (file !== 'transports/in-process.ts') expect(names).toContain('../contracts/kit/errors.ts');
  }
});
