import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkFloors, importCircles, readSources, sharedNames } from './floors.ts';

/** `path:line` of each violation in one file made of these lines. */
function broken(path: string, ...lines: string[]): string[] {
  return checkFloors([{ path, text: lines.join('\n') }]).map((violation) => `${violation.path}:${violation.line}`);
}

test('no line of the project breaks a floor', () => {
  const violations = checkFloors(readSources(join(import.meta.dirname, '..')));
  expect(violations.map(({ path, line, why }) => `${path}:${line} ${why}`)).toEqual([]);
});

test('commands of a service may use the command line, and nothing but the command line loads them', () => {
  expect(
    broken(
      'services/shop/cli/sell.ts',
      "import { kernel } from '../../../scripts/cli/kernel/main.ts';",
      "import { rows } from '../rows.ts';",
    ),
  ).toEqual([]);
  expect(
    broken('services/shop/service.ts', "import { sell } from './cli/sell.ts';", "import { main } from '../../scripts/cli/kernel/main.ts';"),
  ).toEqual(['services/shop/service.ts:1', 'services/shop/service.ts:2']);
});

test.each([
  ['settings.ts', "import { text } from '../../config/settings.ts';"],
  ['metrics.ts', "import { counter, type Metric } from '../../contracts/kit/metric.ts';"],
  ['on-sold.ts', "import { type Consumer, on } from '../../bus/service.ts';"],
  ['count-stock.loop.ts', "import { loop } from '../../bus/service.ts';"],
])('what makes a service’s %s is in no other file, unless the service has one file', (file, line) => {
  const rows = { path: 'services/shop/rows.ts', text: '' };
  const violations = (path: string, ...others: { path: string; text: string }[]) => checkFloors([{ path, text: line }, ...others]);
  expect(violations(`services/shop/${file}`, rows)).toEqual([]);
  expect(violations('services/shop/service.ts', rows)).toMatchObject([{ path: 'services/shop/service.ts', line: 1 }]);
  expect(violations('services/shop/service.ts', { ...rows, path: 'services/shop/rows.test.ts' })).toEqual([]);
});

test('no two services export one name', () => {
  expect(sharedNames(readSources(join(import.meta.dirname, '..')))).toEqual([]);
  const exporting = (path: string) => ({ path, text: 'export function sell() {}\nexport const onSold = 1;' });
  expect(sharedNames([exporting('services/shop/a.ts'), exporting('services/shop/b.ts')])).toEqual([]);
  expect(sharedNames([exporting('services/shop/a.ts'), exporting('services/till/b.ts')])).toEqual(['sell']);
});

test('no files of the project import each other in a circle', () => {
  expect(importCircles(readSources(join(import.meta.dirname, '..')))).toEqual([]);
});

test('a circle is found also when a type closes it', () => {
  const sources = [
    { path: 'bus/a.ts', text: "import { b } from './b.ts';" },
    { path: 'bus/b.ts', text: "export { c } from './c.ts';" },
    { path: 'bus/c.ts', text: "import type { A } from './a.ts';" },
    { path: 'bus/d.ts', text: "import { a } from './a.ts';" },
  ];
  expect(importCircles(sources)).toEqual([['bus/a.ts', 'bus/b.ts', 'bus/c.ts']]);
});

test('the check reads the project’s files', () => {
  const paths = readSources(join(import.meta.dirname, '..')).map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['scripts/floors.ts', 'scripts/infra/start.ts']));
});

test.each(['contracts/inbox.ts', 'services/sender/may-send.ts'])('a line of %s that names a channel breaks a floor', (path) => {
  const channel = { path: 'adapters/vendors/carrier/channel.ts', text: '' };
  const lines = ["import x from './x.ts'; // of Carrier", "if (channel === 'carrier') x();", 'carrierWebhook();'];
  const violations = checkFloors([channel, { path, text: lines.join('\n') }]);
  expect(violations.map(({ line, why }) => [line, why])).toEqual([2, 3].map((line) => [line, 'only adapters may name a channel: carrier']));
});

test.each([
  ['contracts import a library other than zod', 'contracts/crm.ts', "import pino from 'pino';"],
  ['contracts import a part of Node', 'contracts/kit/define.ts', "import { createHash } from 'node:crypto';"],
  ['contracts import the bus', 'contracts/crm.ts', "import { createBus } from '../bus/bus.ts';"],
  ['errors.ts imports even zod', 'contracts/kit/errors.ts', "import { z } from 'zod';"],
  ['errors.ts imports a neighbour', 'contracts/kit/errors.ts', "import type { Phone } from './common.ts';"],
  ['the bus imports durable', 'bus/service.ts', "import { journal } from './durable/journal.ts';"],
  ['a middleware imports durable', 'bus/middleware/retry.ts', "import type { Row } from '../durable/journal.ts';"],
  ['the bus imports an adapter', 'bus/bus.ts', "import { pool } from '../adapters/store/pool.ts';"],
  ['durable imports an adapter', 'bus/durable/journal.ts', "import { pool } from '../../adapters/store/pool.ts';"],
  ['an adapter imports the bus', 'adapters/crm/memory.ts', "import type { Handler } from '../../bus/bus.ts';"],
  ['an adapter imports a service', 'adapters/crm/memory.ts', "import { rows } from '../../services/crm-connector/rows.ts';"],
  ['an adapter reads settings', 'adapters/vendors/espocrm/crm.ts', "import { read } from '../../../config/read.ts';"],
  ['config knows a vendor', 'config/read.ts', "import { espoCrm } from '../adapters/vendors/espocrm/crm.ts';"],
  ['a service imports another service', 'services/sender/service.ts', "import { rows } from '../collector/rows.ts';"],
  ['a service imports a script', 'services/sender/service.ts', "import { serve } from '../../scripts/serve.ts';"],
  ['an example imports a script', 'examples/lead.ts', "import { startNats } from '../scripts/infra/start.ts';"],
  ['a service imports a conformance suite', 'services/sender/send.ts', "import { conformance } from '../../adapters/crm/conformance.ts';"],
  ['a service imports the runtime', 'services/sender/service.ts', "import { host } from '../../runtime/host.ts';"],
  ['the runtime imports a script', 'runtime/serve.ts', "import { startNats } from '../scripts/infra/start.ts';"],
  ['a script imports the test kit', 'scripts/demo.ts', "import { world } from '../test/kit/world.ts';"],
  ['a service imports a fake', 'services/sender/service.ts', "import { telegramFake } from '../../adapters/channel/telegram.fake.ts';"],
  ['a service imports its fixture', 'services/sender/service.ts', "import { fixture } from './fixture.ts';"],
  [
    'a service imports a part of the bus that is no face',
    'services/sender/send.ts',
    "import { createJournal } from '../../bus/durable/journal.ts';",
  ],
  ['pino in a service', 'services/sender/service.ts', "import pino from 'pino';"],
  ['croner in a service', 'services/sender/service.ts', "import { Cron } from 'croner';"],
  ['the NATS client away from home', 'bus/bus.ts', "import { connect } from '@nats-io/transport-node';"],
  ['a NATS type away from home', 'services/sender/send.ts', "import type { Msg } from '@nats-io/nats-core';"],
  ['the old NATS client in the bus', 'bus/transports/nats.ts', "import { connect } from 'nats';"],
  ['pg in a service', 'services/sender/rows.ts', "import pg from 'pg';"],
  ['pg in a script', 'runtime/migrate.ts', "import pg from 'pg';"],
  ['msgpackr away from home', 'bus/transports/nats.ts', "import { Packr } from 'msgpackr';"],
  ['undici away from home', 'adapters/vendors/espocrm/crm.ts', "import { fetch } from 'undici';"],
  ['fastify away from home', 'services/sender/service.ts', "import fastify from 'fastify';"],
  ['a plugin of fastify away from home', 'services/sender/service.ts', "import swagger from '@fastify/swagger';"],
  ['prom-client away from home', 'bus/telemetry/stats.ts', "import { Registry } from 'prom-client';"],
  ['ioredis away from home', 'services/sender/send.ts', "import { Redis } from 'ioredis';"],
  ['telegraf in a service', 'services/collector/service.ts', "import { Telegraf } from 'telegraf';"],
  ['openai in a service', 'services/intent-classifier/ask-llm.ts', "import OpenAI from 'openai';"],
  ['pm2 as a library', 'scripts/up.ts', "import pm2 from 'pm2';"],
  ['the environment read in a service', 'services/sender/service.ts', 'const url = process.env.DATABASE_URL;'],
  ['the environment imported', 'adapters/http.ts', "import { env } from 'node:process';"],
  ['a re-export', 'contracts/crm.ts', "export * from '../bus/bus.ts';"],
  ['an import for its effects', 'contracts/crm.ts', "import 'pino';"],
  ['a dynamic import', 'bus/bus.ts', "const { Pool } = await import('pg');"],
  ['a require', 'bus/bus.ts', "const pg = require('pg');"],
])('bites: %s', (_, path, line) => {
  expect(broken(path, '/** A file. */', '', line)).toEqual([`${path}:3`]);
});

test('the line named is that of the specifier of a long import', () => {
  expect(broken('contracts/crm.ts', 'import {', '  a,', '  type B,', "} from '../bus/bus.ts';", "import { z } from 'zod';")).toEqual([
    'contracts/crm.ts:4',
  ]);
});

test('several violations of one file are all named, in order', () => {
  const lines = ['const level = process.env.LEVEL;', "import pg from 'pg';", '', "import { a } from '../../scripts/a.ts';"];
  expect(broken('services/sender/service.ts', ...lines)).toEqual([1, 2, 4].map((line) => `services/sender/service.ts:${line}`));
});

test.each([
  ['contracts/crm.ts', "import { z } from 'zod';", "import { Phone } from './common.ts';"],
  ['bus/transports/nats.ts', "import { connect } from '@nats-io/transport-node';"],
  ['bus/wire/codec.ts', "import { Packr } from 'msgpackr';"],
  ['bus/durable/journal.ts', "import { createBus } from '../bus.ts';", "import { method } from '../../contracts/define.ts';"],
  ['adapters/vendors/espocrm/crm.ts', "import { text } from '../../config/settings.ts';"],
  ['adapters/http.ts', "import { Agent } from 'undici';"],
  ['adapters/store/pool.ts', "import pg from 'pg';", "import { PolybError } from '../../contracts/errors.ts';"],
  ['config/read.ts', 'const environment = process.env;'],
  ['services/sender/send.ts', "import { rows } from './rows.ts';", "import { espoCrm } from '../../adapters/crm/espocrm.ts';"],
  ['bench/call.ts', "import { connect } from 'nats';", "import pg from 'pg';"],
  ['runtime/serve.ts', "import service from '../services/sender/service.ts';", 'process.env.NATS_URL;'],
  ['services/sender/send.test.ts', "import pg from 'pg';", "import { testDatabase } from '../../test/kit/database.ts';"],
  ['adapters/store/conformance.ts', "import { testDatabase } from '../../test/kit/database.ts';"],
  [
    'bus/bus.ts',
    "// import pg from 'pg';",
    "/*\nimport pg from 'pg';\n process.env */",
    "const url = 'https://example.org'; // process.env",
  ],
])('lets pass what is allowed in %s', (path, ...lines) => {
  expect(broken(path, ...lines)).toEqual([]);
});

test('a page imports types of contracts, and nothing else of the server', () => {
  expect(
    broken('web/pages/shop.ts', "import type { crm } from '../../contracts/crm.ts';", "import { html } from '../kit/html.ts';"),
  ).toEqual([]);
  expect(
    broken(
      'web/pages/shop.ts',
      "import { crm } from '../../contracts/crm.ts';",
      "import type { Bus } from '../../bus/bus.ts';",
      "import { settings } from '../../config/settings.ts';",
    ),
  ).toEqual(['web/pages/shop.ts:1', 'web/pages/shop.ts:2', 'web/pages/shop.ts:3']);
  expect(broken('services/shop/service.ts', "import { h } from 'preact';")).toEqual(['services/shop/service.ts:1']);
});
