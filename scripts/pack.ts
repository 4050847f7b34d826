/**
 * Builds what `npm pack` packs: JavaScript, declarations and SQL in dist/, and a manifest with the dependencies of that code alone.
 * npm runs it before it packs, and with `--restore` after it.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { importsOf } from './floors.ts';

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const root = join(import.meta.dirname, '..');
const manifestFile = join(root, 'package.json');
const scratch = join(root, '.polyb', 'pack');
/** The manifest of the checkout while that of the package is in its place. */
const kept = join(scratch, 'package.json');
/** Fields that serve a checkout and no program that uses the package. */
const ofCheckout = ['bin', 'scripts', 'devDependencies', 'optionalDependencies', 'allowScripts', 'overrides'];

/** Compiles every export and what it imports, and puts the package's manifest in the place of the checkout's. */
function build(): void {
  if (existsSync(kept)) restore(); // a former run was ended before it could
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Manifest;
  const dist = join(root, 'dist');
  rmSync(dist, { recursive: true, force: true });
  compile(dist, Object.values(manifest.exports).flatMap(sourcesOf));
  for (const sql of globSync('adapters/store/migrations/*.sql', { cwd: root })) cpSync(join(root, sql), join(dist, sql));

  const compiled = globSync('**/*.{js,d.ts}', { cwd: dist });
  const imported = new Set(compiled.flatMap((path) => importsOf(path, readFileSync(join(dist, path), 'utf8')).map(({ target }) => target)));
  const dependencies = Object.fromEntries(Object.entries(manifest.dependencies).filter(([name]) => imported.has(name)));
  const packaged = Object.entries({ ...manifest, dependencies }).filter(([field]) => !ofCheckout.includes(field));
  copyFileSync(manifestFile, kept);
  writeFileSync(manifestFile, `${JSON.stringify(Object.fromEntries(packaged), null, 2)}\n`);
}

function restore(): void {
  if (existsSync(kept)) renameSync(kept, manifestFile);
}

/** The TypeScript behind an export: `./dist/contracts/*.js` is every contract. */
function sourcesOf(exported: string): readonly string[] {
  const pattern = exported.replace('./dist/', '').replace(/\.js$/, '.ts');
  return globSync(pattern, { cwd: root }).filter((path) => !path.endsWith('.test.ts'));
}

function compile(outDir: string, sources: readonly string[]): void {
  const config = join(scratch, 'tsconfig.json');
  mkdirSync(dirname(config), { recursive: true });
  const compilerOptions = {
    rootDir: root,
    outDir,
    noEmit: false,
    incremental: false,
    declaration: true,
    rewriteRelativeImportExtensions: true,
  };
  const files = sources.map((path) => join(root, path));
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', config], { stdio: ['ignore', 2, 2] }); // npm's own output is stdout
  if (status !== 0) throw new Error('The package does not compile.');
}

if (import.meta.main) {
  if (process.argv.includes('--restore')) restore();
  else build();
}
