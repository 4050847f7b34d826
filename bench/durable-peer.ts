/** PolyB as one peer of a benchmark of durable workflows: a pipeline of ten steps in one daemon, the step's service in another, over NATS. */
import { createBus } from '../bus/bus.ts';
import { connectNats } from '../bus/transports/nats.ts';
import { migrate } from '../runtime/migrate.ts';
import { quiet } from '../runtime/noop-log.ts';
import { startNats } from '../scripts/infra/start.ts';
import { forkServices, runs } from './steps.ts';

export default {
  id: 'polyb',
  title: 'PolyB, pipeline and step service in two processes over NATS',
  async start({ dir, postgres }: { dir: string; postgres(): Promise<string> }) {
    const url = await postgres();
    await migrate({ url });
    const nats = await startNats({ dir: `${dir}/nats`, temporary: true });
    const children = await forkServices({ NATS_URL: nats.url, DATABASE_URL: url });
    const transport = await connectNats({ servers: nats.url, name: 'client', inboxUser: 'client', log: quiet });
    const bus = createBus({ transport, name: 'client', log: quiet });
    return {
      run: async (input: { nth: number; phoneNumber: string; comment: string }, key: string) =>
        (await bus.call(runs.ten_steps, { ...input, waitMs: 30_000 }, { key })).output,
      async close() {
        await bus.close();
        for (const child of children) child.kill('SIGKILL');
        await nats.stop();
      },
    };
  },
};
