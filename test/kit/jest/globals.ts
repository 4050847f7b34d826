/** What `@jest/globals` is to a test file: an instance of this module for each file. */
import { currentGlobals } from './runtime.ts';

export const { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } = currentGlobals();
