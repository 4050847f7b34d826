/** `polyb new`: a service, a pipeline or an adapter to begin with. The examples are the templates: the tests run them. */
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
import type { Invocation } from '../kernel/command.ts';
import { refusal, wrongUsage } from '../kernel/failure.ts';

/** One name in the spellings of code. */
interface Spellings {
  /** `table-desk`: folders and files. */
  readonly kebab: string;
  /** `table_desk`: contracts and methods. */
  readonly snake: string;
  /** `tableDesk`: values. */
  readonly camel: string;
  /** `TableDesk`: words for people. */
  readonly pascal: string;
}
interface Template {
  readonly example: string;
  /** Files of the example, and where each goes. */
  files(name: Spellings): Readonly<Record<string, string>>;
  /** What is written otherwise in the copy, in this order. */
  words(name: Spellings): readonly (readonly [find: RegExp, replace: string])[];
  /** Further edits of files that exist. */
  edits?(name: Spellings): Readonly<Record<string, (text: string) => string>>;
  /** What to type next. */
  next(name: Spellings): readonly string[];
}

export const templates: Readonly<Record<'service' | 'pipeline' | 'adapter', Template>> = {
  service: {
    example: 'examples/01-write-a-service',
    files: ({ kebab }) => ({
      'contract.ts': `contracts/${kebab}.ts`,
      'greet.ts': `services/${kebab}/greet.ts`,
      'service.ts': `services/${kebab}/service.ts`,
      'service.test.ts': `services/${kebab}/service.test.ts`,
    }),
    words: ({ kebab, snake, camel }) => [
      [/'\.\.\/\.\.\/contracts\//g, "'./"],
      [/'\.\/contract\.ts'/g, `'../../contracts/${kebab}.ts'`],
      [/contract\('greetings'/g, `contract('${snake}'`],
      [/\bgreetings\b/g, camel],
      [/'greeter'/g, `'${kebab}'`],
    ],
    next: ({ kebab, snake }) => [`polyb up ${kebab}`, `polyb call ${snake}.greet name=Иван`],
  },
  pipeline: {
    example: 'examples/04-write-a-pipeline',
    files: ({ kebab }) => ({
      'contract.ts': `contracts/${kebab}.ts`,
      'welcome.ts': `services/${kebab}/run-${kebab}.ts`,
      'service.ts': `services/${kebab}/service.ts`,
      'service.test.ts': `services/${kebab}/service.test.ts`,
    }),
    words: ({ kebab, snake, camel, pascal }) => [
      [/'\.\.\/\.\.\/contracts\//g, "'./"],
      [/'\.\/contract\.ts'/g, `'../../contracts/${kebab}.ts'`],
      [/'\.\/welcome\.ts'/g, `'./run-${kebab}.ts'`],
      [/contract\('visits'/g, `contract('${snake}'`],
      [/\bvisits\.welcome\b/g, `${camel}.run_${snake}`],
      [/\bwelcome: pipelineMethod/g, `run_${snake}: pipelineMethod`],
      [/^( +)welcome,$/gm, `$1run_${snake}: run${pascal},`],
      [/\bwelcome\b/g, `run${pascal}`],
      [/\bvisits\b/g, camel],
      [/'host'/g, `'${kebab}'`],
    ],
    next: ({ kebab, snake }) => [`polyb up ${kebab}`, `polyb pipelines run run_${snake} visitId=1 --wait`],
  },
  adapter: {
    example: 'examples/05-write-an-adapter',
    files: ({ kebab }) => ({
      'bellman.ts': `adapters/vendors/${kebab}/telephony.ts`,
      'gateway.ts': `adapters/vendors/${kebab}/fake.ts`,
      'bellman.test.ts': `adapters/vendors/${kebab}/telephony.test.ts`,
    }),
    words: ({ snake, camel, pascal }) => [
      [/'\.\.\/\.\.\/adapters\//g, "'../../"],
      [/'\.\.\/\.\.\/(config|contracts)\//g, "'../../../$1/"],
      [/'\.\/bellman\.ts'/g, "'./telephony.ts'"],
      [/'\.\/gateway\.ts'/g, "'./fake.ts'"],
      [/BELLMAN/g, snake.toUpperCase()],
      [/Bellman/g, pascal],
      [/bellman/g, camel],
    ],
    edits: ({ kebab, snake, camel }) => ({
      'adapters/telephony/index.ts': (text) =>
        text
          .replace(/^import /m, `import { ${camel}, ${camel}Settings } from '../vendors/${kebab}/telephony.ts';\n$&`)
          .replace(/\n\} as const;/, `\n  ${snake}: { settings: ${camel}Settings, create: ${camel} },$&`),
    }),
    next: ({ snake }) => [`TELEPHONY_KIND=${snake}    in .env selects it`, 'polyb config list telephony-gateway'],
  },
};

export const newService = (invocation: Invocation): Promise<number> => write('service', invocation);
export const newPipeline = (invocation: Invocation): Promise<number> => write('pipeline', invocation);
export const newAdapter = (invocation: Invocation): Promise<number> => write('adapter', invocation);

async function write(kind: keyof typeof templates, { args, out, groups, path }: Invocation): Promise<number> {
  const template = templates[kind];
  const [{ root }, { buildDocs }] = await Promise.all([import('../docs/catalogue.ts'), import('../docs/build.ts')]);
  const name = spellingsOf(args[0], path);
  const written = await copies(template, name, root, path);
  for (const [to, text] of Object.entries(written)) {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await writeFile(join(root, to), text);
  }
  await format(root, Object.keys(written));
  const generated = await buildDocs(await groups(), root);
  const files = Object.keys(written);
  await out.result({ files, generated }, { text: () => files.join('\n') });
  const tests = files.filter((file) => file.endsWith('.test.ts')).join(' ');
  out.note(
    [`created the ${kind} ${name.kebab}; npm test -- ${tests} runs its test`, ...template.next(name).map((line) => `  ${line}`)].join('\n'),
    'ok',
  );
  return 0;
}

/** Every file with its new text. @throws PolybError before anything is written, when a file is there or a name is taken. */
export async function copies(template: Template, name: Spellings, root: string, path: string): Promise<Readonly<Record<string, string>>> {
  const targets = template.files(name);
  for (const to of Object.values(targets)) {
    const isThere = await access(join(root, to)).then(
      () => true,
      () => false, // nothing is there, as it must be
    );
    if (isThere)
      throw refusal('conflict', `${to} already exists`, { subject: path, effect: 'nothing_done', next: ['choose another name'] });
  }
  const read = async (from: string) => await readFile(join(root, from), 'utf8');
  const texts = await Promise.all(Object.keys(targets).map(async (from) => await read(`${template.example}/${from}`)));
  const isTaken = texts.some((text) => new RegExp(`\\b(${name.camel}|${name.snake})\\b`).test(text));
  if (isTaken)
    throw wrongUsage(`the template uses the word ${name.camel} for something else`, { subject: path, next: ['choose another name'] });
  const renamed = texts.map((text) => template.words(name).reduce((before, [find, replace]) => before.replace(find, replace), text));
  const edits = Object.entries(template.edits?.(name) ?? {});
  const edited = await Promise.all(edits.map(async ([file, edit]) => [file, edit(await read(file))] as const));
  return { ...Object.fromEntries(Object.values(targets).map((to, index) => [to, renamed[index] ?? ''])), ...Object.fromEntries(edited) };
}

export function spellingsOf(given: string | undefined, path: string): Spellings {
  const next = [`polyb ${path} table-desk`];
  if (given === undefined || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(given) || given.length > 40)
    throw wrongUsage(`expected a name of lower-case letters, digits and hyphens; got ${given === undefined ? 'nothing' : `"${given}"`}`, {
      subject: path,
      next,
    });
  const camel = given.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  try {
    new Script(`const ${camel} = 0`);
  } catch (cause) {
    throw Object.assign(wrongUsage(`${camel} is a reserved word of JavaScript`, { subject: path, next }), { cause });
  }
  return { kebab: given, snake: given.replaceAll('-', '_'), camel, pascal: camel.charAt(0).toUpperCase() + camel.slice(1) };
}

/** Lines and imports as the gate wants them, where the formatter is installed. */
async function format(root: string, files: readonly string[]): Promise<void> {
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const isThere = await access(biome).then(
    () => true,
    () => false, // installed without development tools
  );
  if (isThere) await promisify(execFile)(process.execPath, [biome, 'check', '--write', ...files], { cwd: root });
}
