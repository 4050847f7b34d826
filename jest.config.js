import { availableParallelism } from 'node:os';

export default {
  testEnvironment: 'node',
  // `roots` would refuse a folder that does not exist; a glob does not.
  testMatch: ['<rootDir>/{contracts,bus,adapters,config,services,runtime,scripts,test,bench,examples,web}/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.polyb/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/kit/strip-types.js' },
  globalSetup: '<rootDir>/test/kit/setup.ts',
  globalTeardown: '<rootDir>/test/kit/teardown.ts',
  // Jest runs in its own process when it would use one worker, and there ES modules of finished tests stay in memory.
  // One more than there are cores: tests wait for servers and processes much of their time.
  maxWorkers: availableParallelism() + 1,
  workerIdleMemoryLimit: '700MB',
  // Far beyond what any test takes: a busy machine is no failure.
  testTimeout: 60_000,
  collectCoverageFrom: ['{contracts,bus,adapters,config,services,web}/**/*.ts'],
  coverageProvider: 'babel',
};
