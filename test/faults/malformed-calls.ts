import { setTimeout as delay } from 'node:timers/promises';
import { connectNats } from '../../bus/transports/nats.ts';
import { readHead } from '../../bus/wire/headers.ts';
import { codes, fromProblem } from '../../contracts/kit/errors.ts';
import type { Child } from './child.ts';
import { eventually } from './ground.ts';
import { type Lab, openLab } from './lab.ts';
import { malformed } from './malformed.ts';
import { randomFrom } from './random.ts';
import type { FaultTest } from './test.ts';
import { forms } from './work.ts';
import { Report } from './worker.ts';

const batch = 250;

export const t9: FaultTest = {
  id: 'T9',
  title: 'malformed bodies, headers and subjects against the bus',
  async run(options) {
    const { seed, full, control, signal, log } = options;
    const random = randomFrom(seed);
    const [structured, byteLevel] = full ? [1_000_000, 9_000_000] : control ? [500, 500] : [20_000, 20_000];
    await using lab = await openLab(options);
    await using naive = control ? await naiveIn(lab) : undefined;
    const worker = naive?.child ?? (await lab.startWorker());
    const bus = await lab.client();
    const transport = await connectNats({ servers: lab.natsUrl, name: 'fuzz', inboxUser: 'guest', signal });
    await using _ = { [Symbol.asyncDispose]: () => transport.close() };
    const waiting = new Map<string, string>();
    const unexplained = new Map<string, number>();
    const counts = { sent: 0, answeredOk: 0, typedErrors: 0, untyped: 0, internal: 0, unanswered: 0, goodCallsFailed: 0 };
    let untilAnswered: () => void = () => {};
    transport.subscribe(`${transport.inbox}.>`, (message) => {
      const subject = waiting.get(message.subject);
      if (subject === undefined) return;
      waiting.delete(message.subject);
      if (waiting.size === 0) untilAnswered();
      const head = readHead(message.headers);
      if (head.code === '') counts.answeredOk += 1;
      else if (!(head.code in codes)) counts.untyped += 1;
      else {
        const error = fromProblem(JSON.parse(Buffer.from(message.data).toString()));
        if (error.code !== head.code) counts.untyped += 1;
        else if (error.code === 'internal') {
          counts.internal += 1;
          unexplained.set(subject, (unexplained.get(subject) ?? 0) + 1);
        } else counts.typedErrors += 1;
      }
    });
    await transport.flush();

    for (let nth = 0; nth < structured + byteLevel && worker.alive; ) {
      const answered = new Promise<void>((resolve) => {
        untilAnswered = resolve;
      });
      for (const end = Math.min(nth + batch, structured + byteLevel); nth < end; nth += 1) {
        const one = malformed(random, nth, nth >= structured);
        const reply = `${transport.inbox}.${nth}`;
        if (!one.silent) {
          waiting.set(reply, one.subject);
          counts.sent += 1;
        }
        transport.publish(one.subject, one.body, one.headers, reply);
      }
      if (waiting.size > 0) await Promise.race([answered, delay(control ? 300 : 1_500, undefined, { signal })]);
      counts.unanswered += waiting.size;
      waiting.clear();
      counts.goodCallsFailed += await goodCall(bus, control ? 300 : 2_000);
      if (control && counts.goodCallsFailed > 3) break;
    }
    const alive = worker.alive;
    if (control) return { ok: false, harm: counts.goodCallsFailed + (alive ? 0 : 1), ...counts, alive };
    const dropped = await droppedBy(bus);
    const report = await reportOf(worker, signal);
    for (const [subject, times] of unexplained) log(`${subject}: ${times} answers were internal`);
    const silent = Math.max(0, counts.unanswered - dropped);
    const harm = silent + counts.untyped + counts.internal + counts.goodCallsFailed + (alive ? 0 : 1) + (report.polluted ? 1 : 0);
    return { ok: harm === 0, harm, ...counts, droppedAndCounted: dropped, silent, alive, ...report };
  },
};

type Bus = Awaited<ReturnType<Lab['client']>>;
async function goodCall(bus: Bus, timeoutMs: number): Promise<0 | 1> {
  const note = { title: 'good', count: 1, share: 0, isDone: true, tags: [], fields: {}, kind: { of: 'a' as const, n: 1 } };
  try {
    const { title } = await bus.call(forms.note, note, { timeoutMs, retry: false });
    return title === 'good' ? 0 : 1;
  } catch {
    return 1; // any failure of a good call is what is counted here
  }
}
async function droppedBy(bus: Bus): Promise<number> {
  const told = await bus.gather('$SRV.STATS.fault_forms', {}, { waitMs: 1_000, atMost: 1 });
  const endpoints = (told[0] as { endpoints?: { data?: { dropped?: number } }[] } | undefined)?.endpoints ?? [];
  return endpoints.reduce((sum, { data }) => sum + (data?.dropped ?? 0), 0);
}
async function reportOf(worker: Child, signal: AbortSignal): Promise<{ polluted: boolean; longestStallMs: number; rssMb: number }> {
  let report: { polluted: boolean; longestStallMs: number; rssMb: number } | undefined;
  worker.onMessage((message) => {
    report = Report.safeParse(message).data?.report ?? report;
  });
  worker.send({ report: true });
  await eventually(() => report !== undefined, 5_000, signal);
  if (report === undefined) throw new Error('the worker does not say how it fares');
  return report;
}

/** The client library alone, serving the same methods. */
export async function naiveIn(lab: Lab): Promise<AsyncDisposable & { readonly child: Child }> {
  const child = await lab.start({ file: './naive.ts', args: [lab.natsUrl] });
  return {
    child,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}
