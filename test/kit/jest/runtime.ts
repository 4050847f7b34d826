/**
 * Jest's runtime of a test file: Node's own modules, whose types Node strips. Jest's own runtime compiles every module again for every file,
 * which took a third of the CPU of all tests. Here a worker loads a module once, so no test may rely on the state of one.
 */
import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

type Jest = typeof import('@jest/globals');
type Globals = Pick<Jest, 'afterAll' | 'afterEach' | 'beforeAll' | 'beforeEach' | 'describe' | 'expect' | 'test'>;

let current: Globals;
/** The functions that collect the tests of the file that is being loaded. */
export const currentGlobals = (): Globals => current;

const require = createRequire(import.meta.url);
const globals = new URL('globals.ts', import.meta.url).href;
/** In the address of what is loaded for one test file alone: the file, and the suites of other files that it runs. */
const ofFile = /\?file=\d+$/;
registerHooks({
  resolve(specifier, context, next) {
    const [file = ''] = ofFile.exec(context.parentURL ?? '') ?? [];
    if (specifier === '@jest/globals') return { url: `${globals}${file}`, shortCircuit: true };
    const found = next(specifier, context);
    return found.url.endsWith('conformance.ts') ? { ...found, url: `${found.url}${file}` } : found;
  },
});
/** Where jest-circus keeps its listeners, to which it adds for each file. */
const listeners = Symbol.for('EVENT_HANDLERS');
let files = 0;

export class Runtime {
  /** The framework keeps the tests of a file in its module, so it is loaded for each. */
  requireInternalModule(path: string): unknown {
    Reflect.deleteProperty(globalThis, listeners);
    delete require.cache[path];
    return require(path);
  }
  requireModule(path: string): unknown {
    return require(path);
  }
  unstable_shouldLoadAsEsm(): boolean {
    return true;
  }
  async unstable_importModule(path: string): Promise<unknown> {
    files += 1;
    return import(`${pathToFileURL(path).href}?file=${files}`);
  }
  setGlobalsForRuntime(given: Globals): void {
    current = given;
  }
  getSourceMaps(): null {
    return null;
  }
  getAllCoverageInfoCopy(): undefined {}
  enterTestCode(): void {}
  leaveTestCode(): void {}
  teardown(): void {}
}
export { Runtime as 'module.exports' };
