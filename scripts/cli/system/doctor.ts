/** `polyb doctor`: what is wrong here, and what to type against it. Exit 9 when a check fails. */
import { lookup, openSources } from '../../../config/env.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { allConnections } from '../../../runtime/connections.ts';
import type { Invocation } from '../kernel/command.ts';
import { connect, natsSettings } from '../kernel/connect.ts';
import { checkWords } from './check-words.ts';
import {
  checkContracts,
  checkHost,
  checkJournal,
  checkNats,
  checkNode,
  checkOnline,
  checkPm2,
  checkPostgres,
  checkRedis,
  checkSecrets,
  checkServices,
  checkSettings,
  checkVendors,
  type Finding,
} from './checks.ts';
import { type Expected, expectedServices } from './expected.ts';
import { oneProcessSetting } from './project.ts';
import { checkFailed } from './report.ts';

export async function doctor(invocation: Invocation): Promise<number> {
  const { out, env } = invocation;
  const findings = [...(await look(invocation, env))];
  const count = (state: Finding['state']) => findings.filter((each) => each.state === state).length;
  const summary = { checks: findings.length, ok: count('ok'), warnings: count('warn'), failed: count('fail') };
  const marks = out.ascii ? { ok: '+', warn: '!', fail: 'x' } : { ok: '✓', warn: '!', fail: '✗' };
  const styles = { ok: 'green', warn: 'yellow', fail: 'red' } as const;
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, state, found, next }) => [
    `${out.paint(styles[state], marks[state])} ${check.padEnd(width)}  ${found}`,
    ...(next === undefined ? [] : [`${' '.repeat(width + 4)}${out.ascii ? '->' : '→'} ${next}`]),
  ]);
  const last = `${summary.checks} checks: ${summary.ok} ok, ${summary.warnings} ${summary.warnings === 1 ? 'warning' : 'warnings'}, ${summary.failed} failed`;
  await out.result({ summary, findings }, { text: () => [...lines, last].join('\n'), items: findings });
  return summary.failed > 0 ? checkFailed : 0;
}

async function look(invocation: Invocation, env: Invocation['env']): Promise<readonly Finding[]> {
  const node = checkNode();
  const host = checkHost();
  const code = await load();
  if ('findings' in code) return [...node, ...code.findings, ...(await host)];
  const { services } = code;
  const settings = [...checkSettings(services, env), ...checkSecrets(services, { env })];
  const find = openSources({ env });
  const isOneProcess = lookup(oneProcessSetting, find) === 'true';
  const wanted = Number(lookup('DATABASE_CONNECTIONS', find)) || undefined;
  // Ended before the rest begins: on a busy machine, reading the contracts takes longer than a connection waits to be made.
  const [nats, postgres, words, redis] = await Promise.all([
    checkNats(invocation.flags.text('nats-url') ?? lookup(natsSettings, find)),
    checkPostgres(lookup('DATABASE_URL', find), env, allConnections({ services: services.length, isOneProcess, wanted })),
    checkWords(lookup('DATABASE_URL', find)),
    checkRedis(lookup('REDIS_URL', find), isOneProcess),
  ]);
  const pm2 = checkPm2();
  return [
    ...node,
    ...settings,
    ...(await checkContracts()),
    ...nats,
    ...postgres,
    ...words,
    ...redis,
    ...(await pm2),
    ...(await onBus(invocation, services)),
    ...(await host),
  ];
}

async function load(): Promise<{ readonly services: readonly Expected[] } | { readonly findings: readonly Finding[] }> {
  try {
    return { services: await expectedServices() };
  } catch (error) {
    if (!isPolybError(error)) throw error;
    return { findings: [{ check: 'code', state: 'fail', found: error.message, next: 'npm run typecheck' }] };
  }
}

async function onBus(invocation: Invocation, services: readonly Expected[]): Promise<readonly Finding[]> {
  const { signal, flags } = invocation;
  try {
    await using connected = await connect(invocation, { own: true });
    return [
      ...(await checkServices(services, connected, signal)),
      ...(await checkVendors(connected, services, signal)),
      ...(await checkJournal(connected, services, signal)),
      ...(flags.on('online') ? await checkOnline(connected, services, signal) : []),
    ];
  } catch (error) {
    if (!isPolybError(error) || error.code === 'cancelled') throw error;
    return [{ check: 'bus', state: 'fail', found: error.message, next: 'polyb up' }];
  }
}
