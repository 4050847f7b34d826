/** `polyb sip ping`. */
import { setTimeout as delay } from 'node:timers/promises';
import { PolybError } from '../../../contracts/kit/errors.ts';
import { pingUri } from '../../../media/sip/ping.ts';
import { parseUri } from '../../../media/sip/uri.ts';
import type { Ping } from '../../../media/sip/user-agent.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { advise, refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';

const [patienceMs, intervalMs] = [5_000, 1_000];
const checkFailed = 9;

export async function ping({ args, flags, out, path, signal }: Invocation): Promise<number> {
  const [uri] = args;
  if (uri === undefined || (parseUri(uri)?.host ?? '') === '')
    throw wrongUsage(`expected a SIP URI, e.g. sip:sip.provider.example or 'sip:192.0.2.1:5060;transport=tcp'`, {
      subject: path,
      next: ['polyb calls trunks', `polyb ${path} --help`],
    });
  const count = flags.whole('count') ?? 1;
  const limitMs = flags.ms('timeout') ?? patienceMs;
  let worst = 0;
  for (let sent = 0; sent < count; sent += 1) {
    const found = await pingOnce(uri, sent === 0 ? 0 : intervalMs, limitMs, signal);
    worst = Math.max(worst, found.status);
    const { isAnswered: _, ...shown } = { ...found, tookMs: Math.round(found.tookMs * 100) / 100 };
    if (count === 1) await out.result(shown, { text: () => drawPing(shown) });
    else await out.item(shown, () => `${shown.status} ${shown.reason}  ${shown.tookMs} ms`);
  }
  return worst < 500 ? 0 : checkFailed;
}

/** @throws PolybError not_found/no_such_host; deadline_exceeded/no_answer; unavailable/unreachable */
async function pingOnce(uri: string, afterMs: number, limitMs: number, signal: AbortSignal): Promise<Ping> {
  await delay(afterMs, undefined, { signal });
  const stop = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  let found: Ping | undefined;
  try {
    for await (const one of pingUri(uri, { count: 1, intervalMs: 0, signal: stop })) found = one;
  } catch (thrown) {
    if (!(Error.isError(thrown) && (thrown as Error).name === 'TypeError')) throw thrown;
    throw refusal('not_found', `${uri} has no address`, {
      subject: 'sip ping',
      reason: 'no_such_host',
      next: [`getent hosts ${parseUri(uri)?.host}`],
    });
  }
  signal.throwIfAborted();
  if (found?.isAnswered) return found;
  const error =
    found?.status === 503
      ? new PolybError('unavailable', `${uri} refuses connections or is unreachable`, { reason: 'unreachable' })
      : new PolybError('deadline_exceeded', `${uri} did not respond within ${limitMs / 1000} s`, { reason: 'no_answer' });
  throw advise(error, {
    subject: 'sip ping',
    effect: 'not_executed',
    next: [`polyb sip ping '${uri};transport=tcp'    many peers listen on only one protocol`, 'polyb calls trunks'],
  });
}

function drawPing({ status, reason, tookMs, server, allow, supported }: Omit<Ping, 'isAnswered'>): string {
  const lines: readonly (readonly [string, string])[] = [
    ['response', `${status} ${reason}  ${tookMs} ms`],
    ['program', server ?? 'unknown'],
    ['allow', allow.join(', ')],
    ['supported', supported.join(', ')],
  ];
  return lines.map(([name, value]) => `${name.padEnd(12)}${value || '-'}\n`).join('');
}
