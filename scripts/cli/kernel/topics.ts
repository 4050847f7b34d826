/** Texts of `polyb help TOPIC`. What stands in a table elsewhere is made from it. */
import { codes } from '../../../contracts/kit/errors.ts';
import { flagLines } from './flag-lines.ts';
import { fromEnv } from './flags.ts';
import { drawTable } from './text.ts';
import { globalFlags } from './tree/flags.ts';
import type { topicNames } from './tree/topics.ts';

/** What each exit status means; the codes that end with it are read from the table of codes. */
export const exits: readonly { readonly status: number; readonly name: string; readonly means: string; readonly again: string }[] = [
  { status: 0, name: 'OK', means: 'the result is on stdout', again: '' },
  { status: 1, name: 'REFUSED', means: 'the method said no: a rule, a conflict', again: 'no' },
  { status: 2, name: 'USAGE', means: 'wrong command or input; nothing was sent', again: 'after mending it' },
  { status: 3, name: 'NOT_FOUND', means: 'no such method or id, or nobody serves it', again: 'after starting it' },
  { status: 4, name: 'AUTH', means: 'who you are, or what you may do', again: 'after mending access' },
  { status: 5, name: 'TIMEOUT', means: 'no answer in time; it MAY have happened', again: 'with the same key' },
  { status: 6, name: 'UNREACHABLE', means: 'the bus cannot be reached', again: 'yes' },
  { status: 7, name: 'FAULT', means: 'the service failed, or refuses for now', again: 'as it says' },
  { status: 8, name: 'PENDING', means: 'it waits: for a person, or for its outcome', again: 'watch the row' },
  { status: 9, name: 'CHECK_FAILED', means: 'doctor, a budget, docs or contracts', again: '' },
  { status: 10, name: 'PARTIAL', means: 'of many calls some failed', again: 'the failed lines' },
  { status: 78, name: 'SETTINGS', means: 'settings are wrong; nothing was started', again: 'after mending them' },
  { status: 130, name: 'SIGINT', means: 'Ctrl-C', again: '' },
  { status: 143, name: 'SIGTERM', means: 'stopped from outside', again: '' },
];

const params = () => `Parameters are not flags, so the two never clash.

${drawTable({
  columns: ['FORM', 'MEANING'],
  rows: [
    ['firstName=Иван', 'what the method says it is: text stays text, a number must be one'],
    ['tags:=\'["vip"]\'  retries:=3', 'JSON, taken as it is'],
    ['note=@note.txt', 'text from a file (UTF-8)'],
    ['body:=@lead.json', 'JSON from a file'],
    ['audio@call.wav', 'bytes from a file, at most 256 KB'],
    ['address.city=Пермь', 'a field of a field'],
    ['tags[]=a tags[]=b', 'items of a list'],
    ["-d '{…}'  -d @lead.json  -d -", 'the whole input; items after it override fields'],
  ],
})}

Text stays as it is typed: +79995553322 and 0033 are never numbers unless the method's schema says so.
Standard input is read only where you write -.
polyb describe ADDRESS --template prints an input to fill in.`;

const flags = () => `Every command takes these, before its name or after it.

${flagLines(globalFlags).join('\n')}

Flags of one command stand after its name; polyb COMMAND --help lists them.`;

const output = () => `stdout carries the result and nothing else; everything that is said stands on stderr.

${drawTable({
  columns: ['-o', 'WHAT'],
  rows: [
    ['pretty', 'for people: coloured JSON, or what the command draws (default on a terminal)'],
    ['table', 'columns'],
    ['json', 'one JSON value (default when stdout is no terminal)'],
    ['jsonl', 'one JSON value a line; lists are taken apart'],
    ['yaml', 'YAML 1.2'],
    ['raw', 'a string or bytes as they are, anything else JSON on one line'],
    ['none', 'nothing'],
  ],
})}

--pick PATH prints one part, bare: --pick leadId, --pick items.0.id, --pick /crm_id/resData/id
--envelope prints one object whatever happens: {"ok":true,"result":…,"meta":…} or {"ok":false,"problem":…,"meta":…}
Colours: --color, else NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR, else whether it is a terminal.
Phones in narration are masked; results are not. -q silences narration, -v and -vv say more.`;

const exitCodes = () =>
  drawTable({
    columns: ['EXIT', 'NAME', 'MEANING', 'TRY AGAIN', 'CODES'],
    rows: exits.map(({ status, name, means, again }) => [
      String(status),
      name,
      means,
      again,
      Object.entries(codes)
        .filter(([, row]) => row.exit === status)
        .map(([code]) => code)
        .join(' '),
    ]),
    right: ['EXIT'],
  });

const environment =
  () => `A flag wins over the environment, that over .env, that over what \`polyb up\` chose (.polyb/run.json), that over the default.

${drawTable({
  columns: ['NAME', 'MEANING'],
  rows: [
    ['POLYB_NATS_URL, NATS_URL', 'where the bus is'],
    ['POLYB_NATS_OPERATOR_PASSWORD', "the operator's password on it"],
    ['POLYB_SUBJECT_PREFIX', 'first word of every subject; polyb'],
    ...Object.entries(fromEnv).map(([flag, name]) => [name, `--${flag}`]),
    ['DATABASE_URL', 'PostgreSQL, for backup and restore'],
    ['NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR', 'colours'],
    ['CI', 'never ask'],
    ['XDG_CONFIG_HOME', 'where contexts are kept; ~/.config'],
    ['XDG_CACHE_HOME', 'where the list for completion is kept; ~/.cache'],
  ],
})}

polyb config list shows every setting of the services and where each comes from; NAME_FILE names a file that holds the value of NAME.`;

const addresses = () => `${drawTable({
  columns: ['ADDRESS', 'MEANING'],
  rows: [
    ['crm.push_to_crm', 'a method, by service and name'],
    ['push_to_crm', 'the same, where the name is unique'],
    ['crm@1.push_to_crm', 'refused unless the major version of the contract is 1'],
    ['crm_connector.push_to_crm', 'a name from before PolyB; also takes the old body'],
    ["'crm.*'  '*'", 'several, where a pattern is asked for; quote it'],
  ],
})}

An unknown address is refused before anything is sent (exit 3), with the names that are nearest to it.
Services that this project has no code for are asked on the bus what they take.`;

const signals =
  () => `The first Ctrl-C (SIGINT) or SIGTERM is polite: a call under way is cancelled at the service, which may be too late; a run goes on
and the command to watch it is printed. The second ends the command at once. Exit 130 for SIGINT, 143 for SIGTERM.

Services drain on either signal: no new work, what is in flight ends, then exit 0; a second signal exits at once.
polyb tail, listen, and every --watch end with Ctrl-C.`;

export const topics: Readonly<Record<string, () => string>> = {
  params,
  flags,
  output,
  'exit-codes': exitCodes,
  environment,
  addresses,
  signals,
} satisfies Record<(typeof topicNames)[number], () => string>;
