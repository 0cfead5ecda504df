// They know no database, and `npm test` has run them.
const withoutDatabase = [
  '<rootDir>/test/(packaging|testing|unit)/',
  '<rootDir>/(bench|harness/(simulation|timing))/',
  '<rootDir>/harness/chaos/checker\\.spec\\.ts$',
];
const leftOut = {
  // Jest calls a file without a test a failure, and these have none where there is no server.
  '': ['\\.servers\\.spec\\.ts$'],
  servers: withoutDatabase,
  // What MariaDB alone does.
  postgres: [...withoutDatabase, 'rollback-on-timeout\\.servers\\.spec\\.ts$'],
  // What PostgreSQL alone does.
  mariadb: [...withoutDatabase, 'ended-connections\\.servers\\.spec\\.ts$'],
};

/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/{test,harness,examples}/**/*.spec.ts', '<rootDir>/bench/src/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...(leftOut[process.env.TEST_DATABASES ?? ''] ?? [])],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-cr3dentials-webhook$': '<rootDir>/src/index.ts',
    '^nestjs-cr3dentials-webhook/migrations$': '<rootDir>/src/inbox/migrations/index.ts',
    '^nestjs-cr3dentials-webhook/testing$': '<rootDir>/src/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
          target: 'es2023',
        },
        module: { type: 'es6' },
      },
    ],
  },
  setupFilesAfterEnv: ['<rootDir>/test/support/app/canaries.setup.ts'],
  globalSetup: '<rootDir>/test/support/database/demand-servers.js',
  testTimeout: 30_000,
  maxWorkers: 2, // even on two processors: the tests wait for servers more than they work
};
