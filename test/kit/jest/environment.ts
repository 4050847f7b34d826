/**
 * A worker that has nothing left to do ends at once. Node would free its heap piece by piece first, which takes a busy machine longer than
 * the half second after which Jest kills the worker and reports a leak that is none. A worker with an open handle does not get here.
 */
if (process.send !== undefined) process.once('exit', (code) => process.exit(code));

/** Jest's environment of a test file: the process itself. Its variables are put back when the file has run. */
export default class Environment {
  /** What Jest keeps for a file; the globals of the process stay as they are. */
  readonly global = {};
  readonly fakeTimers = null;
  readonly fakeTimersModern = null;
  readonly #variables = { ...process.env };

  async setup(): Promise<void> {}
  async teardown(): Promise<void> {
    for (const name of Object.keys(process.env)) if (!(name in this.#variables)) delete process.env[name];
    Object.assign(process.env, this.#variables);
  }
  getVmContext(): null {
    return null;
  }
  exportConditions(): readonly string[] {
    return [];
  }
}
