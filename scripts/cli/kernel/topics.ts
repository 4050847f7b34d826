/** Texts of `polyb help TOPIC`; tables of the code are printed from the code. */
import { codes } from '../../../contracts/kit/errors.ts';
import { flagLines } from './flag-lines.ts';
import { fromEnv } from './flags.ts';
import { drawTable } from './text.ts';
import { globalFlags } from './tree/flags.ts';
import type { topicNames } from './tree/topics.ts';

/** What each exit status means; the codes that end with it are read from the table of codes. */
export const exits: readonly { readonly status: number; readonly name: string; readonly means: string; readonly again: string }[] = [
  { status: 0, name: 'OK', means: 'the result is on stdout', again: '' },
  { status: 1, name: 'REFUSED', means: 'the method refused: a rule or a conflict', again: 'no' },
  { status: 2, name: 'USAGE', means: 'wrong command or input; nothing was sent', again: 'after correcting it' },
  { status: 3, name: 'NOT_FOUND', means: 'no such method or id, or no instance of the service', again: 'after starting it' },
  { status: 4, name: 'AUTH', means: 'not authenticated, or not permitted', again: 'after correcting access' },
  { status: 5, name: 'TIMEOUT', means: 'no reply in time; the outcome is unknown', again: 'with the same key' },
  { status: 6, name: 'UNREACHABLE', means: 'the bus is unreachable', again: 'yes' },
  { status: 7, name: 'FAULT', means: 'the service failed or is overloaded', again: 'depends on the code' },
  { status: 8, name: 'PENDING', means: 'not finished: the request waits for a person or its outcome', again: 'with the same key' },
  { status: 9, name: 'CHECK_FAILED', means: 'a check failed: doctor, budget, docs or contracts', again: '' },
  { status: 10, name: 'PARTIAL', means: 'some of several calls failed', again: 'the failed lines' },
  { status: 78, name: 'SETTINGS', means: 'settings are wrong; nothing was started', again: 'after correcting them' },
  { status: 130, name: 'SIGINT', means: 'Ctrl-C', again: '' },
  { status: 143, name: 'SIGTERM', means: 'terminated by a signal', again: '' },
];

const params = () => `Parameters are not flags, so that their names cannot collide.

${drawTable({
  columns: ['FORM', 'MEANING'],
  rows: [
    ['firstName=Иван', 'a value, converted to the type in the schema'],
    ['tags:=\'["vip"]\'  retries:=3', 'JSON'],
    ['note=@note.txt', 'text from a file (UTF-8)'],
    ['body:=@lead.json', 'JSON from a file'],
    ['audio@call.wav', 'bytes from a file, at most 256 KB'],
    ['address.city=Пермь', 'a nested field'],
    ['tags[]=a tags[]=b', 'items of a list'],
    ["-d '{…}'  -d @lead.json  -d -", 'the whole input; name=value items override its fields'],
  ],
})}

A value is text unless the method's schema says otherwise: +79995553322 and 0033 stay text.
Standard input is read only where you write -.
polyb describe ADDRESS --template prints a template of the input.`;

const flags = () => `Every command accepts these flags, before or after its name.

${flagLines(globalFlags).join('\n')}

Flags of one command come after its name; polyb COMMAND --help lists them.`;

const output = () => `stdout contains only the result; all other output is on stderr.

${drawTable({
  columns: ['-o', 'WHAT'],
  rows: [
    ['pretty', 'for people: coloured JSON or a drawing (default on a terminal)'],
    ['table', 'columns'],
    ['json', 'one JSON value (default when stdout is not a terminal)'],
    ['jsonl', 'one JSON value per line; one line per item of a list'],
    ['yaml', 'YAML 1.2'],
    ['raw', 'a string or bytes unchanged, anything else as JSON on one line'],
    ['none', 'nothing'],
  ],
})}

--pick PATH prints one part of the result: --pick leadId, --pick items.0.id, --pick /crm_id/resData/id
--envelope prints one object on success and on failure: {"ok":true,"result":…,"meta":…} or {"ok":false,"problem":…,"meta":…}
Colours depend on --color, then on NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR, then on whether the output is a terminal.
Phones on stderr are masked; results are not. -q prints only errors on stderr; -v and -vv print more.`;

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
  () => `A value comes from the first of: flag, environment, .env, .polyb/run.json (written by \`polyb up\`), ~/.secrets/<group>/<name>.env, default.

${drawTable({
  columns: ['NAME', 'MEANING'],
  rows: [
    ['POLYB_NATS_URL, NATS_URL', 'address of the bus'],
    ['POLYB_NATS_OPERATOR_PASSWORD', 'password of the bus user operator'],
    ['POLYB_SUBJECT_PREFIX', 'first token of every subject. Default: polyb'],
    ...Object.entries(fromEnv).map(([flag, name]) => [name, `--${flag}`]),
    ['DATABASE_URL', 'PostgreSQL, for backup, restore, emit and inbox reindex'],
    ['NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR', 'colours'],
    ['CI', 'set: never prompt'],
    ['XDG_CONFIG_HOME', 'folder of the contexts. Default: ~/.config'],
    ['XDG_CACHE_HOME', 'folder of the list for completion. Default: ~/.cache'],
  ],
})}

polyb config list --origin shows every setting of the services and its source. NAME_FILE can name a file that contains the value of NAME.`;

const addresses = () => `${drawTable({
  columns: ['ADDRESS', 'MEANING'],
  rows: [
    ['crm.push_to_crm', 'a method, by service and name'],
    ['push_to_crm', 'the same method, where its name is unique'],
    ['crm@1.push_to_crm', 'the method, only if the major version of the contract is 1'],
    ['crm_connector.push_to_crm', 'an alias; it also accepts the former request body'],
    ["'crm.*'  '*'", 'a pattern, for commands that accept one; quote it'],
  ],
})}

An unknown address is refused before anything is sent (exit 3); the error suggests similar names.
The methods of services without code in this checkout are read from the bus.`;

const signals =
  () => `The first Ctrl-C (SIGINT) or SIGTERM cancels a call in progress; the service may already have executed it. A run continues,
and the command prints how to watch it. The second signal ends the command at once. Exit 130 for SIGINT, 143 for SIGTERM.

Services drain on either signal: they accept no new work, finish requests in progress and exit with 0. A second signal ends them at once.
Ctrl-C ends polyb tail, polyb listen and every --watch.`;

export const topics: Readonly<Record<string, () => string>> = {
  params,
  flags,
  output,
  'exit-codes': exitCodes,
  environment,
  addresses,
  signals,
} satisfies Record<(typeof topicNames)[number], () => string>;
