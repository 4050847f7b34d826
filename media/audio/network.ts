/** Neural networks in the ONNX format, run in WebAssembly. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { env, InferenceSession, Tensor } from 'onnxruntime-web';

export type Network = InferenceSession;
export { Tensor };

const require = createRequire(import.meta.url);

/** Opens a network of an npm package. @param file its path in the package */
export async function openNetwork(npmPackage: string, file: string): Promise<Network> {
  // More threads would need a browser's cross-origin isolation; one is fast enough.
  env.wasm.numThreads = 1;
  const folder = dirname(require.resolve(`${npmPackage}/package.json`));
  return await InferenceSession.create(new Uint8Array(await readFile(join(folder, file))));
}
