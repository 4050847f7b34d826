import { availableParallelism } from 'node:os';

export default {
  testEnvironment: '<rootDir>/test/kit/jest/environment.ts',
  runtime: '<rootDir>/test/kit/jest/runtime.ts',
  // `roots` would refuse a folder that does not exist; a glob does not.
  testMatch: ['<rootDir>/{contracts,bus,media,adapters,config,services,runtime,scripts,test,bench,examples,web}/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.polyb/'],
  transform: {},
  globalSetup: '<rootDir>/test/kit/setup.ts',
  globalTeardown: '<rootDir>/test/kit/teardown.ts',
  // One more than there are cores: tests wait for servers and processes much of their time, and with two more they get into each other's way.
  maxWorkers: availableParallelism() + 1,
  workerIdleMemoryLimit: '1500MB',
  // Far beyond what any test takes: a busy machine is no failure.
  testTimeout: 300_000,
};
