import { readdirSync, readFileSync } from 'node:fs';

const CHOICE = /import \{[^}]*\b(databases|servers)\b[^}]*\} from '[^']*\/databases\.js'|(every-host|leaking\.fixture)/;

// They do not ask for the chosen databases: they run on SQLite or on none, and `npm test` has run them.
const withoutDatabase = ['test', 'harness', 'examples', 'bench/src'].flatMap((folder) =>
  readdirSync(new URL(folder, import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.spec.ts') && !file.endsWith('.servers.spec.ts'))
    .map((file) => `${folder}/${file}`)
    .filter((file) => !CHOICE.test(readFileSync(new URL(file, import.meta.url), 'utf8')))
    .map((file) => `<rootDir>/${file}$`),
);
const leftOut = {
  // Jest calls a file without a test a failure, and these have none where there is no server.
  '': ['\\.servers\\.spec\\.ts$'],
  servers: withoutDatabase,
  // What MariaDB alone does.
  postgres: [...withoutDatabase, '(rollback-on-timeout|sql-mode)\\.servers\\.spec\\.ts$'],
  // What PostgreSQL alone does.
  mariadb: [...withoutDatabase, '(ended-connections|debezium)\\.servers\\.spec\\.ts$'],
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
    '^nestjs-cr3dentials-webhook/(testing|bullmq|terminus|dashboard|opentelemetry|prom-client)$':
      '<rootDir>/src/$1/index.ts',
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
  maxWorkers: 3, // even on two processors: the tests wait for servers; with four, bounds of time are missed
  // A worker keeps what each file has loaded, and slows down to a twelfth; a new one starts in half a second.
  workerIdleMemoryLimit: '1GB',
};
