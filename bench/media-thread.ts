/** The thread of the media worker, whose heap is collected after each look at it: the next look sees what is held, and no garbage. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import '../media/rtp/worker.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
parentPort?.on('message', (order: { readonly do: string }) => {
  if (order.do === 'worker_stats') collect();
});
