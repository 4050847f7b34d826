/** Flags that several commands share, each stated once. */
import { rowStates } from '../../../../contracts/kit/row-state.ts';
import type { Flag } from '../command.ts';

export const globalFlags: readonly Flag[] = [
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    values: ['pretty', 'table', 'json', 'jsonl', 'yaml', 'raw', 'none'],
    summary: 'Format of the result. Default: a table or pretty JSON on a terminal, json otherwise.',
  },
  {
    name: 'pick',
    value: 'PATH',
    summary: 'Print only this part of the result: leadId, items.0.id, /crm_id/resData/id. A string is printed without quotes.',
  },
  { name: 'envelope', summary: 'Print one {ok, result|problem, meta} object on stdout, on success and on failure.' },
  {
    name: 'timeout',
    short: 't',
    value: 'DUR',
    summary: "How long to wait for a reply: 500ms, 3s, 2m. Default: the method's own limit.",
  },
  {
    name: 'nats-url',
    value: 'URL',
    summary: 'Address of the bus. Default: POLYB_NATS_URL, NATS_URL, .env, or the server that `polyb up` started.',
  },
  { name: 'context', value: 'NAME', summary: 'System to use, one of those that `polyb context ls` lists.' },
  { name: 'connect-timeout', value: 'DUR', summary: 'How long to try to connect to the bus. Default: 2s.' },
  {
    name: 'color',
    value: 'WHEN',
    values: ['auto', 'always', 'never'],
    summary: 'When to use colours; auto obeys NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR.',
  },
  {
    name: 'time-format',
    value: 'HOW',
    values: ['relative', 'iso', 'raw'],
    summary: 'Format of times in tables. Default: relative on a terminal, iso otherwise.',
  },
  { name: 'ascii', summary: 'Draw with ASCII characters only.' },
  { name: 'quiet', short: 'q', summary: 'Print only errors on stderr.' },
  { name: 'verbose', short: 'v', many: true, summary: 'Print more on stderr; twice: also timings and stack traces.' },
  { name: 'yes', short: 'y', summary: 'Reach a customer or delete data without a confirmation.' },
  { name: 'no-input', summary: 'Never prompt; fail instead. CI=true has the same effect.' },
  { name: 'help', short: 'h', summary: 'Show help on this command.' },
];

export const data: Flag = {
  name: 'data',
  short: 'd',
  value: 'JSON|@FILE|-',
  summary: 'The whole input: JSON, @FILE, or - for standard input. name=value items override its fields.',
};
export const key: Flag = {
  name: 'idempotency-key',
  value: 'KEY',
  summary: 'Idempotency key: a repeat with the same key returns the stored reply. Default: a new key, which is shown.',
};
export const follow: Flag = { name: 'watch', short: 'w', summary: 'Refresh the output until Ctrl-C.' };
export const reveal: Flag = { name: 'reveal', summary: 'Show personal data; the journal records who read it.' };
export const why: Flag = { name: 'why', value: 'TEXT', summary: 'Reason, recorded in the audit.' };
export const limit: Flag = { name: 'limit', short: 'n', value: 'N', summary: 'Maximum number of items. Default: 50.' };
export const cursor: Flag = { name: 'cursor', value: 'CURSOR', summary: 'Continue after the page that returned this cursor.' };
export const since: Flag = { name: 'since', value: 'DUR|TIME', summary: 'Only rows created since then: 10m, 2d, or 2026-01-31T10:00:00Z.' };
export const methodFilter: Flag = { name: 'method', value: 'ADDRESS', summary: 'Only rows of this method; crm.* matches a prefix.' };
export const reasonFilter: Flag = { name: 'reason', value: 'REASON', summary: 'Only rows that ended with this reason.' };
export const state: Flag = {
  name: 'state',
  value: 'STATE',
  values: rowStates,
  summary: 'Only rows in this state.',
};
export const listFlags: readonly Flag[] = [state, methodFilter, reasonFilter, since, limit, cursor];
