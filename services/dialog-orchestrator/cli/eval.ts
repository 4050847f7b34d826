/** `polyb dialogs eval`. */
import { randomBytes, randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { withAsk } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { spanMs } from '../../../scripts/cli/kernel/text.ts';
import { checkFailed } from '../../../scripts/cli/system/report.ts';
import { runScript, type Verdict } from '../eval/run-script.ts';
import { type Effects, Script } from '../eval/script.ts';

const subject = 'dialogs eval';

export async function evalDialogs(invocation: Invocation): Promise<number> {
  const { args, flags, out, signal } = invocation;
  if (flags.on('claims')) return (await import('./eval-claims.ts')).evalClaims(invocation);
  if (args.length === 0)
    throw wrongUsage('expected files with conversations', {
      subject,
      next: ['polyb dialogs eval examples/dialogs/*.json', 'polyb dialogs eval --help'],
    });
  const scripts = (await Promise.all(args.map(scriptsIn))).flat();
  const batch = randomBytes(3).toString('hex');
  const verdicts = await withAsk(
    invocation,
    async (call) => {
      const done: Verdict[] = [];
      for (const [at, script] of scripts.entries()) {
        signal.throwIfAborted();
        out.detail(`${at + 1} of ${scripts.length}: ${script.name}`);
        const phone = `+7900${String(randomInt(10_000_000)).padStart(7, '0')}`;
        done.push(await runScript(script, { call, run: `eval-${batch}-${at + 1}`, phone, keep: flags.on('keep') }));
      }
      return done;
    },
    { lasting: true },
  );
  const failed = verdicts.filter(({ failures }) => failures.length > 0);
  await out.result(
    { conversations: verdicts, failed: failed.length },
    {
      table: () => ({
        columns: ['CONVERSATION', 'TURNS', 'TIME', 'EFFECTS', 'RESULT', 'SESSION'],
        rows: verdicts.map(({ name, turns, ms, effects, failures, sessionId }) => [
          name,
          String(turns),
          spanMs(ms),
          effectsText(effects),
          failures.length === 0 ? 'ok' : 'FAILED',
          sessionId,
        ]),
        right: ['TURNS', 'TIME'],
      }),
      items: verdicts,
    },
  );
  for (const { name, sessionId, failures } of failed)
    out.note([name, ...failures.map((line) => `    ${line}`), `  polyb dialogs show ${sessionId}`].join('\n'), 'bad');
  const wrong = verdicts.filter(({ expected, effects }) => effectsText(expected) !== effectsText(effects)).length;
  const turns = verdicts.reduce((sum, each) => sum + each.turns, 0);
  out.note(
    `${verdicts.length - failed.length} of ${verdicts.length} conversations went as expected, ${wrong} had wrong effects; ${turns} turns`,
    failed.length === 0 ? 'ok' : 'bad',
  );
  return failed.length === 0 ? 0 : checkFailed;
}

function effectsText({ booked, moved, cancelled, handedOver }: Effects): string {
  const counts = Object.entries({ booked, moved, cancelled }).filter(([, count]) => count > 0);
  return [...counts.map(([name, count]) => `${count} ${name}`), ...(handedOver ? ['handed over'] : [])].join(', ') || '-';
}

/** One script, or a list of them. @throws PolybError invalid_argument that names the file and the place in it. */
async function scriptsIn(file: string): Promise<readonly Script[]> {
  const at = `${subject} ${file}`;
  let given: unknown;
  try {
    given = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw refusal('invalid_argument', `cannot be read as JSON: ${(error as Error).message}`, { subject: at, effect: 'nothing_done' });
  }
  const parsed = z.array(Script).safeParse(Array.isArray(given) ? given : [given]);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
  throw refusal('invalid_argument', lines.join('\n'), { subject: at, effect: 'nothing_done', next: ['polyb dialogs eval --help'] });
}
