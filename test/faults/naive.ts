/** The same methods on the client library alone, without the bus: what T9 and T10 protect from. Run by the runner with the server's URL. */
import { connect } from '@nats-io/transport-node';
import type { Method } from '../../contracts/kit/define.ts';
import { breaking } from './handler-faults.ts';
import { faults, forms } from './work.ts';

const connection = await connect({ servers: String(process.argv[2]) });
type Answering = (input: never, context: never) => Promise<unknown>;
const repeat: Answering = async ({ title, bytes }: { title: string; bytes?: string }) => ({
  title: title.trim(),
  size: bytes?.length ?? 0,
});
const context = { commit: async (work: () => Promise<unknown>) => work() };

function answer(method: Method, handler: Answering): void {
  connection.subscribe(`polyb.rpc.${method.service}.${method.name}.by.*`, {
    callback: (_, message) => {
      const work = handler(JSON.parse(message.string()) as never, context as never);
      void work.then((output) => message.respond(JSON.stringify(output)));
    },
  });
}
for (const method of Object.values(forms)) answer(method, repeat);
for (const method of [faults.read, faults.change, faults.commit, faults.sibling])
  answer(method as Method, breaking[method.name as 'read'] as Answering);
answer(faults.act as Method, (breaking.act as unknown as { attempt: Answering }).attempt);
await connection.flush();

process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
