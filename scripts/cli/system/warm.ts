/**
 * Compiles what daemons run, once, before several of them would each do it: run as a program, it loads their modules and
 * ends, which fills the compile cache that they share. A daemon that need not strip types is 30 MB smaller.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadServices, serviceFolders } from '../../../runtime/services.ts';
import { root } from './project.ts';

/** Resolves when the cache is filled. What cannot be loaded is left to the daemon, which says why. */
export async function warm(signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename], {
    env: { ...process.env, NODE_COMPILE_CACHE: join(root, '.polyb', 'compile-cache') },
    stdio: 'ignore',
    signal,
  });
  await once(child, 'exit');
}

// And what they load only when they need it.
if (import.meta.main)
  await Promise.all([
    import('../../../runtime/serve.ts'),
    import('../../../bus/server/serving.ts'),
    import('../../../adapters/vendors/redis/cache.ts'),
    loadServices(await serviceFolders()),
  ]);
