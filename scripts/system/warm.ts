import module from 'node:module';

/** Compiles what daemons run, once, before several of them would each do it; they find it in the compile cache that they share with this process. */
export async function warm(): Promise<void> {
  await Promise.all([import('../serve.ts'), import('../../bus/serving.ts')]);
  module.flushCompileCache();
}
