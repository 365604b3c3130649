/**
 * Sees to a Chromium: as the browser of the tests, or for the software GPU inside it where the command
 * line would have no adapter. An installed one is taken; else Playwright downloads its own; else, on Debian
 * as root, the package is installed, which also brings the system libraries that a bare machine lacks.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium, findSwiftShader } from '../src/node/chromium.mjs';
import { root, run, runStep, say, StepFailed } from './step.mjs';

const playwright = [process.execPath, join(root, 'node_modules/playwright/cli.js')];

/** A blocked connection should be given up soon: there is another way. */
const connectTimeoutMs = '15000';

/** @throws {StepFailed} when there is no browser and none can be installed */
export async function provideBrowser() {
  if (findChromium()) return;
  await installChromium('the tests need a Chromium with WebGPU', startsBrowser);
}

/**
 * Provides an adapter to Dawn. A machine with a graphics driver needs nothing.
 *
 * @throws {StepFailed} when there is neither a driver nor a way to a software adapter
 */
export async function provideAdapter() {
  if (process.platform !== 'linux' || findSwiftShader() || (await hasAdapter())) return;
  const reason = 'there is no graphics driver here, and the software one, SwiftShader, comes with Chromium';
  await installChromium(reason, async () => findSwiftShader() !== undefined);
}

/** Asks Dawn in a process of its own: it can print warnings, and keeps a driver loaded. */
async function hasAdapter() {
  const probe =
    "import { create } from 'webgpu'; const gpu = create([]); process.exit((await gpu.requestAdapter()) ? 0 : 1)";
  const { code } = await run([process.execPath, '--input-type=module', '--eval', probe]);
  return code === 0;
}

/**
 * @param {string} reason
 * @param {() => Promise<boolean>} isEnough whether what was installed serves the purpose
 */
async function installChromium(reason, isEnough) {
  const advice =
    'install Chrome or Chromium by hand (npx playwright install --with-deps chromium; Debian: apt-get install ' +
    'chromium), or set WEBGPU_VAE_CHROMIUM to the path of one';
  say(`${reason}; none was found`);
  /** @type {string[]} */
  const failures = [];
  for (const install of [installFromPlaywright, installFromDebian]) {
    try {
      await install(advice);
      if (await isEnough()) return;
      failures.push(
        `[setup] ${findChromium() ?? 'the installed browser'} does not serve: it does not start, or has no SwiftShader; ${advice}`,
      );
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      failures.push(error.message);
    }
  }
  throw new StepFailed(failures.join('\n'));
}

/** @param {string} advice */
async function installFromPlaywright(advice) {
  // Playwright can install the libraries that its browser needs; Debian's own package comes next anyhow.
  const withLibraries = existsSync('/usr/bin/apt-get') && !isDebian() && isRoot() ? ['--with-deps'] : [];
  const command = [...playwright, 'install', ...withLibraries, '--no-shell', 'chromium'];
  const environment = { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: connectTimeoutMs };
  await runStep("downloading Playwright's Chromium", command, { advice, environment });
}

/** @param {string} advice */
async function installFromDebian(advice) {
  if (!isDebian() || !isRoot()) {
    throw new StepFailed(`[setup] Debian's package needs Debian and root, so it was not tried; ${advice}`);
  }
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  await runStep('updating the package lists', ['apt-get', 'update'], { advice, environment });
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', 'chromium'];
  await runStep("installing Debian's chromium", install, { advice, environment });
}

/** A bare Linux lacks libraries that a downloaded browser needs; asking for its version loads them all. */
async function startsBrowser() {
  const path = findChromium();
  if (process.platform !== 'linux') return path !== undefined; // on Windows the question opens a window
  return path !== undefined && (await run([path, '--version'])).code === 0;
}

function isRoot() {
  return process.getuid?.() === 0;
}

/** Not Ubuntu, whose package of that name only leads to a snap. */
function isDebian() {
  const path = '/etc/os-release';
  return existsSync(path) && /^ID=debian$/m.test(readFileSync(path, 'utf8'));
}
