/**
 * Three projects: `unit` needs no GPU, `node` runs on Dawn, `chromium` in a browser. Everything is sized for
 * a machine with two cores and a software GPU, where two GPU tests at once only take turns.
 */
import { defineConfig } from '@playwright/test';
import { cpus } from 'node:os';
import { chromiumLaunch } from './browser.js';

/** Compiling a large kernel on a software GPU takes seconds, and other work may share the machine. */
const timeoutMs = 120_000;

export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  timeout: timeoutMs,
  expect: { timeout: timeoutMs / 4 },
  forbidOnly: Boolean(process.env['CI']),
  retries: 0, // a test that passes on the second try has found something
  workers: Math.min(2, cpus().length),
  reporter: [['./reporter.ts']],
  projects: [
    { name: 'unit', testDir: 'unit', fullyParallel: true },
    { name: 'node', testDir: 'node', workers: 1 },
    {
      name: 'chromium',
      testDir: 'chromium',
      workers: 1,
      // the offline copy of the demo page has a test of its own; the others need not fetch it
      use: { launchOptions: chromiumLaunch, serviceWorkers: 'block' },
    },
  ],
});
