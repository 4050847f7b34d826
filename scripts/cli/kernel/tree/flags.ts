/** Flags that several commands share, each stated once. */
import { rowStates } from '../../../../contracts/kit/row-state.ts';
import type { Flag } from '../command.ts';

export const globalFlags: readonly Flag[] = [
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    values: ['pretty', 'table', 'json', 'jsonl', 'yaml', 'raw', 'none'],
    summary: 'How the result is written; a table or pretty JSON on a terminal, json otherwise.',
  },
  { name: 'pick', value: 'PATH', summary: 'Only this part of the result, bare: leadId, items.0.id, /crm_id/resData/id.' },
  { name: 'envelope', summary: 'One {ok, result|problem, meta} object on stdout, whatever happens.' },
  {
    name: 'timeout',
    short: 't',
    value: 'DUR',
    summary: "How long to wait for an answer, 500ms, 3s, 2m; the method's own limit unless given.",
  },
  { name: 'nats-url', value: 'URL', summary: 'Where the bus is; else POLYB_NATS_URL, NATS_URL, .env, what `polyb up` started.' },
  { name: 'context', value: 'NAME', summary: 'Which system, of those that `polyb context ls` lists.' },
  { name: 'connect-timeout', value: 'DUR', summary: 'How long to try to reach the bus; 2s.' },
  {
    name: 'color',
    value: 'WHEN',
    values: ['auto', 'always', 'never'],
    summary: 'Colours; auto obeys NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR.',
  },
  {
    name: 'time-format',
    value: 'HOW',
    values: ['relative', 'iso', 'raw'],
    summary: 'Times in tables; relative on a terminal, iso otherwise.',
  },
  { name: 'ascii', summary: 'Draw with ASCII only.' },
  { name: 'quiet', short: 'q', summary: 'No narration on stderr, only failures.' },
  { name: 'verbose', short: 'v', many: true, summary: 'Say more on stderr; twice: where the time went, and stack traces.' },
  { name: 'yes', short: 'y', summary: 'Do not ask before reaching a customer or destroying something.' },
  { name: 'no-input', summary: 'Never ask; refuse instead. CI=true means the same.' },
  { name: 'help', short: 'h', summary: 'What this command does.' },
];

export const data: Flag = {
  name: 'data',
  short: 'd',
  value: 'JSON|@FILE|-',
  summary: 'The whole input; @FILE and - (standard input) read it. Later name=value items override its fields.',
};
export const key: Flag = {
  name: 'idempotency-key',
  value: 'KEY',
  summary: 'Makes a repeat safe: the same key gives the stored answer. One is made and shown when you give none.',
};
export const follow: Flag = { name: 'watch', short: 'w', summary: 'Show it again as it changes, until Ctrl-C.' };
export const reveal: Flag = { name: 'reveal', summary: 'Show personal data; the journal notes who looked.' };
export const why: Flag = { name: 'why', value: 'TEXT', summary: 'Kept in the audit.' };
export const limit: Flag = { name: 'limit', short: 'n', value: 'N', summary: 'At most so many; 50.' };
export const cursor: Flag = { name: 'cursor', value: 'CURSOR', summary: 'Where the page before ended.' };
export const since: Flag = { name: 'since', value: 'DUR|TIME', summary: 'Only younger ones: 10m, 2d, or 2026-01-31T10:00:00Z.' };
export const methodFilter: Flag = { name: 'method', value: 'ADDRESS', summary: 'Only this method, or crm.* for a prefix.' };
export const reasonFilter: Flag = { name: 'reason', value: 'REASON', summary: 'Only those that ended for this reason.' };
export const state: Flag = {
  name: 'state',
  value: 'STATE',
  values: rowStates,
  summary: 'Only rows in this state.',
};
export const listFlags: readonly Flag[] = [state, methodFilter, reasonFilter, since, limit, cursor];
