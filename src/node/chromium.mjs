/**
 * Where this machine keeps a Chromium: the browser that the tests drive, and the SwiftShader library in
 * its folder, a software Vulkan driver that Dawn can run on where there is no GPU. Plain JavaScript,
 * because the set-up script needs it before anything is installed or built.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';

/** Names a browser to use instead of the one that would be found. */
export const chromiumVariable = 'WEBGPU_VAE_CHROMIUM';

const commandNames = [
  'chromium',
  'google-chrome-stable',
  'google-chrome',
  'chromium-browser',
  'microsoft-edge',
];

const macApps = ['Google Chrome', 'Chromium', 'Microsoft Edge'];

const windowsPrograms = [
  'Google/Chrome/Application/chrome.exe',
  'Chromium/Application/chrome.exe',
  'Microsoft/Edge/Application/msedge.exe',
];

/** Where Linux packages unpack browsers; the command in PATH is often a script that does not tell. */
const linuxFolders = [
  '/usr/lib/chromium',
  '/usr/lib64/chromium-browser',
  '/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/opt/microsoft/msedge',
  '/snap/chromium/current/usr/lib/chromium-browser',
];

/** Inside one of Playwright's `chromium-<revision>` folders. */
const playwrightPrograms = [
  'chrome-linux64/chrome',
  'chrome-linux-arm64/chrome',
  'chrome-linux/chrome',
  'chrome-mac-arm64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
  'chrome-mac-x64/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing',
  'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
  'chrome-win64/chrome.exe',
  'chrome-win/chrome.exe',
];

/**
 * The path of a Chromium-based browser: $WEBGPU_VAE_CHROMIUM, else an installed Chrome, Chromium or Edge,
 * else the newest one that Playwright downloaded.
 *
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string | undefined} undefined when there is none
 * @throws {Error} when $WEBGPU_VAE_CHROMIUM names no file
 */
export function findChromium(environment = process.env) {
  const chosen = environment[chromiumVariable];
  if (chosen) {
    if (isFile(chosen)) return chosen;
    throw new Error(
      `[${chromiumVariable}] ${chosen} is no file; expected the path of a Chrome or Chromium program; correct or unset the variable`,
    );
  }
  return installedChromium(environment) ?? playwrightChromium(environment);
}

/**
 * The SwiftShader driver in the folder of some Chromium, newest Playwright download last.
 *
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {import('./chromium.mjs').SwiftShader | undefined} undefined when there is none, and on macOS and Windows
 */
export function findSwiftShader(environment = process.env) {
  if (process.platform !== 'linux') return undefined;
  for (const folder of chromiumFolders(environment)) {
    const driver = join(folder, 'vk_swiftshader_icd.json');
    const loader = join(folder, 'libvulkan.so.1');
    const complete = [driver, loader, join(folder, 'libvk_swiftshader.so')].every(isFile);
    if (complete) return { folder, driver, loader };
  }
  return undefined;
}

/** @param {NodeJS.ProcessEnv} environment */
function chromiumFolders(environment) {
  const programs = [environment[chromiumVariable] ?? '', installedChromium(environment) ?? ''];
  return [
    ...programs.filter(isFile).map((path) => dirname(realpathSync(path))),
    ...linuxFolders,
    // The headless shell has no WebGPU of its own, yet its folder holds the driver too.
    ...playwrightFolders(environment, /^chromium(_headless_shell)?-\d+$/).flatMap(subfolders),
  ];
}

/** @param {NodeJS.ProcessEnv} environment */
function installedChromium(environment) {
  if (process.platform === 'darwin') {
    const roots = ['/Applications', join(homedir(), 'Applications')];
    return roots
      .flatMap((root) => macApps.map((app) => join(root, `${app}.app`, 'Contents/MacOS', app)))
      .find(isFile);
  }
  if (process.platform === 'win32') {
    const roots = [
      environment['PROGRAMFILES'],
      environment['PROGRAMFILES(X86)'],
      environment['LOCALAPPDATA'],
    ];
    return roots
      .flatMap((root) => (root ? windowsPrograms.map((program) => join(root, program)) : []))
      .find(isFile);
  }
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  return commandNames
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => isFile(path) && !startsSnap(path));
}

/** @param {NodeJS.ProcessEnv} environment */
function playwrightChromium(environment) {
  return playwrightFolders(environment, /^chromium-\d+$/)
    .flatMap((folder) => playwrightPrograms.map((program) => join(folder, program)))
    .find(isFile);
}

/**
 * Playwright's finished downloads whose name matches, the newest revision first.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @param {RegExp} name
 */
function playwrightFolders(environment, name) {
  const root = playwrightRoot(environment);
  return listFolder(root)
    .filter((entry) => name.test(entry))
    .toSorted((a, b) => revision(b) - revision(a))
    .map((entry) => join(root, entry))
    .filter((folder) => existsSync(join(folder, 'INSTALLATION_COMPLETE')));
}

/** @param {NodeJS.ProcessEnv} environment */
function playwrightRoot(environment) {
  const chosen = environment['PLAYWRIGHT_BROWSERS_PATH'];
  if (chosen && chosen !== '0') return chosen;
  if (process.platform === 'darwin') return join(homedir(), 'Library/Caches/ms-playwright');
  if (process.platform === 'win32') {
    return join(environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData/Local'), 'ms-playwright');
  }
  return join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ms-playwright');
}

/** @param {string} name e.g. `chromium-1255` */
function revision(name) {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

/**
 * A snap cannot read the profile that a test puts under /tmp, and Ubuntu's `chromium-browser` is a
 * script that only starts, or asks to install, the snap.
 *
 * @param {string} path
 */
function startsSnap(path) {
  const real = realpathSync(path);
  if (basename(real) === 'snap' || real.startsWith('/snap/')) return true;
  const scriptMaxByteLength = 64 * 1024;
  return statSync(real).size < scriptMaxByteLength && readFileSync(real, 'latin1').includes('/snap/bin/');
}

/** @param {string} folder */
function subfolders(folder) {
  return listFolder(folder).map((entry) => join(folder, entry));
}

/** @param {string} folder @returns {string[]} empty when there is no such folder */
function listFolder(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** False, too, for what we may not look at: PATH can name folders of another user. @param {string} path */
function isFile(path) {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
