import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryDir } from '../../infra/temporary.ts';
import { commands } from './commands.ts';
import { serviceCommands } from './service-commands.ts';

function folderWith(text: string): string {
  const services = temporaryDir();
  mkdirSync(join(services, 'shop', 'cli'), { recursive: true });
  mkdirSync(join(services, 'without-commands'));
  writeFileSync(join(services, 'shop', 'cli', 'commands.ts'), text);
  return services;
}
const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name);

test('commands of a service are found in its folder', async () => {
  expect(names(await serviceCommands(folderWith("export default [{ name: 'shop' }];")))).toEqual(['shop']);
  expect(names(await serviceCommands())).toEqual([
    'hear',
    'calls',
    'campaign',
    'inbox',
    'crm',
    'company',
    'dialogs',
    'intents',
    'sip',
    'say',
  ]);
  expect(names(commands)).not.toContain('inbox');
});

test('a file of commands that does not load is named', async () => {
  const failure = serviceCommands(folderWith("throw new Error('half typed');"));
  await expect(failure).rejects.toMatchObject({ code: 'failed_precondition', reason: 'cannot_load' });
  await expect(failure).rejects.toThrow(/shop\/cli\/commands\.ts cannot be loaded: half typed/);
});

test('a command of polyb starts without a file of a service', () => {
  const loaded = new Set([join(import.meta.dirname, 'main.ts')]);
  // Grows while it is walked.
  for (const file of loaded)
    for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type\b)[^;]*?from '(\.[^']+)';/gm))
      loaded.add(join(dirname(file), from));
  expect([...loaded].filter((file) => file.startsWith(join(import.meta.dirname, '../../../services/')))).toEqual([]);
  expect(loaded.size).toBeGreaterThan(10);
});
