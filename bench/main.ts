/** Measures beside what one would take instead, prints ratios of one run, and stores them in bench/results.json. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { optionsOf, refuse } from '../scripts/options.ts';
import { benchAgent } from './agent.ts';
import { benchCalls } from './calls.ts';
import { benchCommandLine } from './cli.ts';
import { benchDesk } from './desk.ts';
import { benchEars } from './ears.ts';
import { benchFrames } from './frames.ts';
import { benchGateway } from './gateway.ts';
import { benchIntake } from './intake.ts';
import { benchJournal } from './journal.ts';
import { benchMedia } from './media.ts';
import { benchSearch } from './search.ts';
import { benchSetups } from './setups.ts';
import { benchSlots } from './slots.ts';
import { benchSteps } from './steps.ts';
import { benchStreams } from './streams.ts';
import { benchTalks } from './talks.ts';
import { benchVendor } from './vendor.ts';
import { benchWords } from './words.ts';

const sections = {
  calls: { title: 'A typed call beside request() of nats 2.29 with JSON', run: () => benchCalls() },
  streams: { title: 'Stream items beside a reply awaited for each item', run: () => benchStreams() },
  frames: { title: 'Frames of 100 calls both ways beside raw publish and subscribe, and taps on all of them', run: () => benchFrames() },
  steps: { title: 'Durable steps and keyed calls beside bare commits of the same PostgreSQL', run: () => benchSteps() },
  gateway: { title: 'A request through the gateway beside bare fastify that makes the same bus call', run: () => benchGateway() },
  intake: {
    title: 'Updates of a webhook, answered once they are committed, beside bare fastify that only inserts them',
    run: () => benchIntake(),
  },
  journal: { title: 'Claim, sweep and lists at two million rows beside an empty journal', run: () => benchJournal() },
  search: { title: 'Searches and pages among a million messages', run: () => benchSearch() },
  slots: {
    title: 'Free slots of 30 days among 2,000 appointments beside a bare select of the appointments',
    run: () => benchSlots(),
  },
  vendor: {
    title: 'A vendor call through its adapter, with its limits in Redis, beside a bare undici request',
    run: () => benchVendor(),
  },
  media: {
    title: '400 calls in the media worker beside a bare UDP forwarder, and its clock beside a timer that does nothing else',
    run: () => benchMedia(),
  },
  setups: { title: '400 SIP calls a second taken by the user agent, 200 of them in talk', run: () => benchSetups() },
  agent: { title: 'Turns of the agent with a model that answers at once, beside keyed calls', run: () => benchAgent() },
  desk: { title: 'From a change to the browsers of 200 followers, and what they cost the gateway', run: () => benchDesk() },
  talks: { title: 'A hundred talks of the agent over SIP beside one, and beside calls that nobody listens to', run: () => benchTalks() },
  ears: { title: 'Phrases of a desk, heard by the ears without a key', run: () => benchEars() },
  words: { title: 'Words that find another form of them, with hunspell, with stems alone, and by likeness', run: () => benchWords() },
  cli: { title: 'The command line beside a bare start of node (minimum of 20)', run: () => benchCommandLine() },
} as const;
type Section = keyof typeof sections;

const help = `npm run bench [-- --only=SECTION,…]

Measures beside what one would take instead, prints the ratios, and stores them in bench/results.json. Wants a quiet machine.

${Object.entries(sections)
  .map(([name, { title }]) => `  ${name.padEnd(10)}${title}`)
  .join('\n')}`;
const { only } = optionsOf(help, { only: { type: 'string', default: Object.keys(sections).join(',') } });
const isSection = (name: string): name is Section => name in sections;
const unknown = only.split(',').find((name) => !isSection(name));
if (unknown !== undefined) refuse(`There is no section ${unknown}.`, help);
const wanted = only.split(',').filter(isSection);
const file = join(import.meta.dirname, 'results.json');
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
