/**
 * Plan: what `npm pack` makes, in the hands of others. publint and are-the-types-wrong find nothing; installed in an empty
 * folder it brings no other package; a strict TypeScript project compiles against it; plain Node imports every entry without
 * WebGPU, as a server that renders pages does; a Vite project builds, and the build runs in a page under a strict policy.
 */
import { chromium, expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { build } from 'vite';
import { toolsFolder } from '../../scripts/tools.mjs';
import { chromiumLaunch } from '../browser.js';
import { strictPolicy } from '../site/server.js';
import { projectRoot, runProcess, testFolder } from './command-line.js';

const entries = [
  '',
  '/gpu',
  '/evaluation',
  '/coding',
  '/classical',
  '/storage',
  '/interop',
  '/worker',
  '/export',
];

let folder: string;
let tarball: string;

/** npm without a registry: what is installed has to be in the tarball. */
function npm(words: readonly string[], cwd: string): string {
  return execFileSync('npm', [...words, '--offline', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    encoding: 'utf8',
  });
}

test.describe.configure({ mode: 'serial' });

test('the tarball installs alone', () => {
  test.setTimeout(300_000);
  folder = testFolder();
  const [packed] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], projectRoot)) as {
    filename: string;
  }[];
  tarball = join(folder, packed!.filename);
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  npm(['install', tarball], folder);
  expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'webgpu-vae',
  ]);
  const [{ size, unpackedSize }] = JSON.parse(npm(['pack', '--json', '--dry-run'], projectRoot)) as [
    { size: number; unpackedSize: number },
  ];
  const description = `tarball ${size} bytes, installed ${unpackedSize} bytes, the bundled images included; 0 dependencies`;
  test.info().annotations.push({ type: 'size', description });
});

test('publint and are-the-types-wrong find nothing', async () => {
  test.setTimeout(300_000);
  const bin = join(await toolsFolder('package'), 'node_modules/.bin');
  const lint = await runProcess(join(bin, 'publint'), ['--strict', tarball], folder);
  expect(lint.code, lint.stdout + lint.stderr).toBe(0);
  // CommonJS may import() the package; Node 10's resolution knows no exports and no ES modules.
  const types = await runProcess(join(bin, 'attw'), [tarball, '--profile', 'esm-only'], folder);
  expect(types.code, types.stdout + types.stderr).toBe(0);
});

test('plain Node imports every entry without a GPU', async () => {
  const lines = entries.map((entry, i) => `import * as e${i} from 'webgpu-vae${entry}';`);
  const code = `${lines.join('\n')}
if (globalThis.GPUBufferUsage || globalThis.document) throw new Error('this is not plain Node');
console.log([${entries.map((_, i) => `Object.keys(e${i}).length`).join()}].every((count) => count > 0));
await e0.Vae.create(e0.denseSpec({ input: [4] })).catch((error) => console.log(error.name));`;
  const {
    code: status,
    stdout,
    stderr,
  } = await runProcess(process.execPath, ['--input-type=module', '--eval', code], folder);
  expect(status, stderr).toBe(0);
  expect(stdout).toBe('true\nDeviceError\n');
});

for (const [module, resolution] of [
  ['esnext', 'bundler'],
  ['nodenext', 'nodenext'],
] as const)
  test(`a strict TypeScript project compiles with ${resolution} resolution`, async () => {
    const imports = entries.map((entry, i) => `import * as e${i} from 'webgpu-vae${entry}';`).join('\n');
    const program = `${imports}
import { loadImages } from 'webgpu-vae/node';
const spec: e0.VaeSpec = e0.convSpec({ input: [28, 28, 1], latent: 4 });
export async function run(device: GPUDevice): Promise<number> {
  const vae = await e0.Vae.create(spec, { device });
  const { train } = await vae.train(await loadImages('fashion', 'train', { limit: 8 }), { epochs: 1, batchSize: 4 });
  // @ts-expect-error There is no such option.
  await vae.train(await loadImages('fashion', 'train'), { epochs: 1, epoch: 2 });
  return train.elbo;
}
export const all = [${entries.map((_, i) => `e${i}`).join()}];
`;
    const project = join(folder, `types-${resolution}`);
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, 'main.ts'), program);
    const compilerOptions = {
      target: 'es2023',
      module,
      moduleResolution: resolution,
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: [],
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
    const { code, stdout } = await runProcess(process.execPath, [tsc, '--project', project], project);
    expect(code, stdout).toBe(0);
  });

const page = `
import { denseSpec, Vae } from 'webgpu-vae';
const values = Float32Array.from({ length: 16 * 9 }, (_, i) => (i % 5) / 5);
const vae = await Vae.create(denseSpec({ input: [3, 3, 1], hidden: 8, latent: 2 }));
const { train } = await vae.train({ rows: 16, shape: [3, 3, 1], values }, { epochs: 2, batchSize: 8 });
document.title = Number.isFinite(train.elbo) ? 'trained ' + (await vae.sample(1)).length : 'no number';
`;
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

test('a Vite project builds, and runs from a subfolder under a strict policy', async () => {
  test.setTimeout(300_000);
  const project = join(folder, 'app');
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'main.js'), page);
  writeFileSync(
    join(project, 'index.html'),
    '<!doctype html><title>app</title><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>',
  );
  await build({
    root: project,
    base: './',
    configFile: false,
    logLevel: 'error',
    build: { target: 'es2022' },
  });
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/deep\/er\//, '') || 'index.html';
    response.setHeader('content-security-policy', `${strictPolicy}; img-src data:`);
    response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream');
    response.end(readFileSync(join(project, 'dist', path)));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const browser = await chromium.launch(chromiumLaunch);
  try {
    const tab = await browser.newPage();
    const errors: string[] = [];
    tab.on('pageerror', (error) => errors.push(error.message));
    tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/deep/er/`);
    await expect.poll(async () => errors[0] ?? (await tab.title()), { timeout: 60_000 }).toBe('trained 9');
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
    server.close();
  }
});
