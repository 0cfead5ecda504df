import base from '../../jest.config.js';

/** The tests in a browser: `npm run test:browser`. They are no part of `npm test`, since they need Chromium. */
export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/browser/**/*.browser.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 60_000,
  maxWorkers: 1, // one Chromium at a time on two processors
};
