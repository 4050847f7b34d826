import { expect, test } from '@jest/globals';
import type { Expected } from './expected.ts';
import { serviceRows } from './status.ts';

test('a service that is not answered outside is ready, and the note says who fails and since when', () => {
  const collector = { folder: 'collector', contracts: ['inbox'] } as unknown as Expected; // what it reads
  const instances = new Map([['collector', [{ id: 'a', contracts: new Map([['inbox', { version: '1.0.0', schema: '' }]]) }]]]);
  const standing = { service: 'collector', since: Date.UTC(2026, 10, 20, 14), at: Date.UTC(2026, 10, 20, 15) };
  const reports = [
    { ...standing, target: 'telegram:updates of 7001', failure: 'unavailable/connect_failed' },
    { ...standing, target: 'whatsapp:media', failure: null },
    { ...standing, service: 'sender', target: 'telegram:sending', failure: 'unavailable' },
  ];
  const [row] = serviceRows([collector], [], { instances, reports });
  const failing = 'telegram:updates of 7001: unavailable/connect_failed since 2026-11-20T14:00:00.000Z';
  expect(row).toMatchObject({ ready: true, failing: [failing], note: failing });
  const [well] = serviceRows([collector], [], { instances, reports: [] });
  expect(well).toMatchObject({ ready: true, failing: [], note: 'not run by this PM2' });
});
