/** What `@jest/globals` is to a test file: an instance of this module for each file, with the functions that collect its tests. */
type Jest = typeof import('@jest/globals');
type Globals = Pick<Jest, 'afterAll' | 'afterEach' | 'beforeAll' | 'beforeEach' | 'describe' | 'expect' | 'test'>;

const key = Symbol.for('polyb.jest.globals');
export const { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } = (globalThis as unknown as Record<symbol, Globals>)[
  key
] as Globals;
