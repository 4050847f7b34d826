/** `polyb campaign`. */
import type { Command, Flag } from '../../../scripts/cli/kernel/command.ts';

const states = ['draft', 'running', 'paused', 'stopping', 'completed', 'stopped'];
const rules: readonly Flag[] = [
  { name: 'window', value: 'TEXT', many: true, summary: 'When calls may start where the member is: "mon-fri 10:00-19:00".' },
  { name: 'time-zone', value: 'ZONE', summary: 'Time zone of members without one whose number does not imply it.' },
  { name: 'in-flight', value: 'N', summary: 'Maximum calls at a time, which is the number of free agents; default 1.' },
  { name: 'per-hour', value: 'N', summary: 'Maximum calls started within an hour; default 60.' },
  { name: 'attempts', value: 'N', summary: 'Maximum calls to each member; default 3.' },
  { name: 'trunk', value: 'TRUNK', summary: 'The trunk for its calls.' },
  { name: 'line', value: 'NUMBER', summary: 'The caller number that members see.' },
  { name: 'approval', value: 'WHOSE', values: ['none', 'staff'], summary: 'staff: each call waits for approval.' },
  { name: 'holidays', summary: 'Call on holidays too.' },
  { name: 'without-consent', summary: 'Call members without recorded consent too.' },
];

const change = (name: string, summary: string, impact: Command['impact'], details: readonly string[] = []): Command => ({
  name,
  summary,
  usage: 'CAMPAIGN',
  impact,
  details,
  examples: [{ line: `polyb campaign ${name} cmp_1` }],
  seeAlso: ['campaign show'],
  run: async () => (await import('./campaign.ts')).changeCampaign(name),
});

export default [
  {
    name: 'campaign',
    summary: 'Call lists of people: import, start, pause, resume, stop and watch campaigns.',
    impact: 'ext',
    commands: [
      {
        name: 'import',
        summary: 'Create a campaign with the members of a CSV file, or add them to one.',
        usage: 'FILE.csv',
        impact: 'rw',
        completes: 'file',
        flags: [
          { name: 'name', value: 'NAME', summary: 'Name of the new campaign; default: the name of the file.' },
          { name: 'to', value: 'CAMPAIGN', summary: 'Add to this campaign instead.' },
          { name: 'encoding', value: 'NAME', values: ['utf-8', 'windows-1251'], summary: 'Encoding of the file; default: detected.' },
          ...rules,
        ],
        details: [
          'Columns: phone, and optionally name, lead, zone and consent; also телефон, имя, лид, пояс, согласие. Delimiter , ; or tab. The file is streamed, so its size does not matter.',
          'Invalid lines are reported by number and skipped, and the command exits with 9; the others are added. Repeating the import adds no phone twice. No calls are made before polyb campaign start.',
        ],
        examples: [
          { line: 'polyb campaign import clients.csv --name "Весенняя акция" --window "mon-fri 10:00-19:00" --in-flight 5' },
          { line: 'polyb campaign import more.csv --to cmp_1' },
        ],
        seeAlso: ['campaign start', 'campaign show'],
        run: async () => (await import('./import-members.ts')).importMembers,
      },
      change('start', 'Start calling the members of a campaign.', 'ext'),
      change('pause', 'Start no more calls, and withdraw those that have not begun.', 'rw'),
      change('resume', 'Continue a paused campaign.', 'ext'),
      {
        name: 'ls',
        summary: 'List campaigns, newest first.',
        impact: 'ro',
        flags: [
          { name: 'state', value: 'STATE', values: states, summary: 'Only campaigns in this state.' },
          { name: 'limit', value: 'N', summary: 'At most this many; default 50.' },
          { name: 'cursor', value: 'CURSOR', summary: 'Start of the next page.' },
        ],
        examples: [{ line: 'polyb campaign ls' }],
        seeAlso: ['campaign show'],
        run: async () => (await import('./campaign.ts')).listCampaigns,
      },
      {
        name: 'show',
        summary: 'Show the progress of a campaign, and why members are held.',
        usage: 'CAMPAIGN',
        impact: 'ro',
        flags: [
          { name: 'follow', summary: 'Follow changes until the campaign ends.' },
          { name: 'members', summary: 'List its members.' },
          { name: 'state', value: 'STATE', summary: 'Only members in this state, such as review.' },
          { name: 'limit', value: 'N', summary: 'At most this many members; default 50.' },
          { name: 'cursor', value: 'CURSOR', summary: 'Start of the next page of members.' },
        ],
        examples: [
          { line: 'polyb campaign show cmp_1 --follow' },
          { line: 'polyb campaign show cmp_1 --members --state review', says: 'members held for a person, and why' },
        ],
        seeAlso: ['campaign ls', 'calls ls'],
        run: async () => (await import('./campaign.ts')).showCampaign,
      },
      change('stop', 'End a campaign for good. Calls in progress are not hung up.', 'rw'),
    ],
  },
] satisfies readonly Command[];
