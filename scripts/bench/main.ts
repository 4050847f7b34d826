/** npm run bench [-- --only=calls,streams,steps,gateway,intake,search,cli]: measures beside what one would take instead, prints ratios of one run, stores bench/results.json. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchCalls } from './calls.ts';
import { benchCommandLine } from './cli.ts';
import { benchGateway } from './gateway.ts';
import { benchIntake } from './intake.ts';
import { benchSearch } from './search.ts';
import { benchSteps } from './steps.ts';
import { benchStreams } from './streams.ts';

const sections = {
  calls: { title: 'A typed call beside request() of nats 2.29 with JSON', run: () => benchCalls() },
  streams: { title: 'Stream items beside a reply awaited for each item', run: () => benchStreams() },
  steps: { title: 'Durable steps and keyed calls beside bare commits of the same PostgreSQL', run: () => benchSteps() },
  gateway: { title: 'A request through the gateway beside bare fastify that makes the same bus call', run: () => benchGateway() },
  intake: {
    title: 'Updates of a webhook through one gateway and one collector, answered once they are committed',
    run: () => benchIntake(),
  },
  search: { title: 'Searches and pages among a million messages', run: () => benchSearch() },
  cli: { title: 'The command line beside a bare start of node (minimum of 20)', run: () => benchCommandLine() },
} as const;
type Section = keyof typeof sections;

const { values } = parseArgs({ options: { only: { type: 'string', default: Object.keys(sections).join(',') } } });
const wanted = values.only.split(',').filter((name): name is Section => name in sections);
const file = join(import.meta.dirname, '..', '..', 'bench', 'results.json');
const stored: Record<string, unknown> = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));

for (const name of wanted) {
  const { title, run } = sections[name];
  console.error(`… ${title}`);
  const figures = await run();
  stored[name] = {
    title,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cores: os.availableParallelism(),
    load: Number(os.loadavg()[0]?.toFixed(2)),
    figures,
  };
  console.log(`\n${title}`);
  console.table(figures);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, `${JSON.stringify(stored, null, 2)}\n`);
}
console.error(`stored in ${file}`);
process.exit(0);
