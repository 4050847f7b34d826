import { stopServers } from './setup.ts';

/** Jest's globalTeardown, called also when tests fail; when Jest itself is killed the servers notice and end by themselves. */
export default function teardown(): Promise<void> {
  return stopServers();
}
