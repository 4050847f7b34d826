import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { EntryFact } from '../../../contracts/kit/describe.ts';
import { cacheFile, cacheLines } from '../kernel/cache.ts';
import { commands } from '../kernel/commands.ts';
import { completionScripts, withSettings } from './completion.ts';

const entry = (address: string, properties: NonNullable<EntryFact['input']>['properties']): EntryFact => ({
  address,
  service: address.split('.')[0] ?? '',
  name: address.split('.')[1] ?? '',
  kind: 'method',
  summary: '',
  version: '1.0.0',
  hash: '',
  input: { type: 'object', ...(properties && { properties }) },
});
const entries = [
  entry('crm.push_to_crm', { firstName: { type: 'string' }, source: { type: 'string', enum: ['web', 'telegram'] } }),
  entry('pipelines.lead_to_call', { waitMs: { type: 'integer' } }),
  entry('desk.lay_table', { seats: { type: 'integer' }, waitMs: { type: 'integer' } }),
  entry('desk.lock_door', {}),
];

test('bash completes commands, verbs, addresses, fields, values and flags without starting Node', () => {
  const home = mkdtempSync(join(tmpdir(), 'polyb-completion-'));
  try {
    mkdirSync(join(home, 'polyb'));
    const env = { XDG_CACHE_HOME: home };
    writeFileSync(cacheFile(env), cacheLines(entries));
    writeFileSync(join(home, 'polyb.bash'), completionScripts.bash?.(withSettings(commands, ['CALL_HOURS', 'CRM_KIND'])) ?? '');
    const lines = [
      'polyb ca',
      'polyb runs w',
      'polyb call crm.',
      'polyb call push_to_crm fi',
      'polyb call crm.push_to_crm source=t',
      'polyb pipelines run l',
      'polyb pipelines run lay_table se',
      'polyb call x -o y',
      'polyb call x --idem',
      'polyb describe ',
      'polyb list c',
      'polyb config get CRM',
    ];
    const driver = lines
      .map((line) => `COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; COMPREPLY=(); _polyb; echo "\${COMPREPLY[*]}"`)
      .join('\n');
    const said = execFileSync('bash', ['-c', `compopt() { :; }\nsource ${join(home, 'polyb.bash')}\n${driver}`], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    const [command, verb, address, field, value, pipeline, seats, format, flag, describe, service, setting] = said.split('\n');
    expect(command).toBe('call');
    expect(setting).toBe('CRM_KIND');
    expect(verb).toBe('watch');
    expect(address).toBe('crm.push_to_crm');
    expect(field).toBe('firstName=');
    expect(value).toBe('telegram');
    expect(pipeline?.split(' ')).toEqual(['lead_to_call', 'lay_table']);
    expect(seats).toBe('seats=');
    expect(format).toBe('yaml');
    expect(flag).toBe('--idempotency-key');
    expect(describe?.split(' ')).toEqual(expect.arrayContaining(['crm.push_to_crm', 'pipelines.lead_to_call']));
    expect(service).toBe('crm');
  } finally {
    rmSync(home, { recursive: true });
  }
});
