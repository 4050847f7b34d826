import { randomUUID } from 'node:crypto';
import { serveHere } from '../serve-here.ts';
import { visits } from './contract.ts';
import host from './service.ts';
import { welcome } from './welcome.ts';

for (const { kind, name, target, conditional } of welcome.definition.steps)
  console.log(`${kind} ${name}: ${target}${conditional ? ', when its condition holds' : ''}`);

await using here = await serveHere('host', host);
const [comes, staysAway] = [randomUUID(), randomUUID()];

// Both runs begin; nothing waits here while they wait for their guests.
for (const visitId of [comes, staysAway]) await here.bus.call(visits.welcome, { visitId }, { key: visitId });
await here.bus.call(visits.confirm, { visitId: comes, seats: 4 }, { key: `confirm-${comes}` });

// The same key attaches to the run, this time until it ends.
for (const visitId of [comes, staysAway]) {
  const { status, output } = await here.bus.call(visits.welcome, { visitId, waitMs: 20_000 }, { key: visitId });
  console.log(`${status}: ${JSON.stringify(output)}`);
}
