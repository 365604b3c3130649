/**
 * Plan: imports point one way (demo, e2e, bench, node -> vae -> gpu) and make no circle; shaders stay in .wgsl files;
 * ops record and nothing else. Read from the sources, since every one of these rules is about text.
 * Types alone may point back: they are gone when the program runs. Inside src/gpu/ops, backward rules refer to each
 * other as the mathematics does, so that folder counts as one file.
 */
import { expect, test } from '@playwright/test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Rooms from the top down; a file may import from its own room and from those below it. */
const rooms = [
  { name: 'outside', prefixes: ['demo/', 'e2e/', 'bench/', 'tools/'], level: 4 },
  { name: 'node', prefixes: ['src/node/'], level: 3 },
  { name: 'vae', prefixes: ['src/vae/', 'src/index.ts'], level: 2 },
  { name: 'gpu', prefixes: ['src/gpu/'], level: 1 },
  { name: 'shaders', prefixes: ['shaders/'], level: 0 },
] as const;

interface Import {
  readonly from: string;
  /** A path from the project's folder, or a package. */
  readonly to: string;
  readonly isType: boolean;
}

/** Paths of the TypeScript and JavaScript files below a folder. */
function sources(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => /\.(ts|tsx|mts|mjs|js)$/.test(path) && !/node_modules|^demo\/dist/.test(path));
}

/** `import ... from 'x'`, `export ... from 'x'`, `import 'x'` and `import('x')` of a source text. */
const statement =
  /^\s*(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\('([^']+)'\)/gm;

function importsOf(from: string, text: string): Import[] {
  return Array.from(text.matchAll(statement), ([, type, names = '', to, bare, dynamic]): Import => {
    // `import { type A, type B }` is as gone as `import type { A, B }`.
    const listed = names
      .replace(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    const onlyTypes = listed.length > 0 && listed.every((name) => name.startsWith('type '));
    return { from, to: locate(from, to ?? bare ?? dynamic ?? ''), isType: Boolean(type) || onlyTypes };
  });
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
}

/** The sources of the package's own entries, by the names that others import them under. */
function entrySources({ exports }: Manifest): Readonly<Record<string, string>> {
  const sourceOf = (types: string): string => types.replace('./dist/types/', 'src/').replace('.d.ts', '.ts');
  return Object.fromEntries(
    Object.entries(exports).flatMap(([name, entry]) =>
      typeof entry === 'string' ? [] : [[`webgpu-vae${name.slice(1)}`, sourceOf(entry.types)]],
    ),
  );
}

const entries = entrySources(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest);

/** The file that a specifier names; a package keeps its name. */
function locate(from: string, specifier: string): string {
  if (entries[specifier]) return entries[specifier];
  if (!specifier.startsWith('.')) return specifier;
  const path = relative(root, resolve(root, dirname(from), specifier));
  const typed = ['.ts', '.tsx'].map((end) => path.replace(/\.js$/, end));
  return typed.find((name) => existsSync(join(root, name))) ?? path;
}

function allImports(): Import[] {
  return ['src', 'demo', 'e2e', 'bench', 'tools']
    .flatMap(sources)
    .flatMap((path) => importsOf(path, readFileSync(join(root, path), 'utf8')));
}

function roomOf(path: string): (typeof rooms)[number] | undefined {
  return rooms.find(({ prefixes }) => prefixes.some((prefix) => path.startsWith(prefix)));
}

/** Imports that point up, as sentences. Files at the top may share: tests read the generator of the shaders. */
function wrongArrows(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const [source, target] = [roomOf(from), roomOf(to)];
    if (!source || !target || target.level <= source.level) return [];
    return [`${from} (${source.name}) imports ${to} (${target.name})`];
  });
}

/** The files of a circle of imports that exist at run time, or undefined. */
function findCircle(imports: readonly Import[]): string[] | undefined {
  const unit = (path: string): string => (path.startsWith('src/gpu/ops/') ? 'src/gpu/ops' : path);
  const arrows = new Map<string, Set<string>>();
  for (const { from, to, isType } of imports) {
    if (isType || unit(from) === unit(to)) continue;
    arrows.set(unit(from), (arrows.get(unit(from)) ?? new Set()).add(unit(to)));
  }
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (finished.has(path)) return undefined;
    for (const next of arrows.get(path) ?? []) {
      const circle = visit(next, [...trail, path]);
      if (circle) return circle;
    }
    finished.add(path);
    return undefined;
  };
  for (const path of arrows.keys()) {
    const circle = visit(path, []);
    if (circle) return circle;
  }
  return undefined;
}

test('imports point one way', () => {
  const imports = allImports();
  expect(wrongArrows(imports)).toEqual([]);
  expect(imports.filter(({ from }) => from.startsWith('src/')).length, 'imports were found').toBeGreaterThan(
    100,
  );
});

test('no file imports itself through others', () => {
  expect(findCircle(allImports())).toBeUndefined();
});

test('what these checks would catch', () => {
  const parse = (from: string, text: string): Import[] => importsOf(from, text);
  expect(wrongArrows(parse('src/gpu/plan.ts', "import { Vae } from '../vae/vae.js';"))).toEqual([
    'src/gpu/plan.ts (gpu) imports src/vae/vae.ts (vae)',
  ]);
  expect(wrongArrows(parse('src/vae/vae.ts', "export * from '../node/index.js';"))).toHaveLength(1);
  expect(wrongArrows(parse('src/vae/vae.ts', "const x = await import('../../e2e/runner.js');"))).toHaveLength(
    1,
  );
  expect(wrongArrows(parse('src/vae/vae.ts', "import type { Row } from '../node/data.js';"))).toHaveLength(1);
  const fromEntry = parse('src/gpu/plan.ts', "import { klSplit } from 'webgpu-vae/evaluation';");
  expect(wrongArrows(fromEntry)).toEqual(['src/gpu/plan.ts (gpu) imports src/vae/evaluation/index.ts (vae)']);
  expect(Object.values(entries).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const circle = [
    ...parse('src/gpu/plan.ts', "import {\n  fuse,\n  type Step,\n} from './fuse.js';"),
    ...parse('src/gpu/fuse.ts', "import './graph.js';"),
    ...parse('src/gpu/graph.ts', "import { makePlan } from './plan.js';"),
  ];
  expect(findCircle(circle)).toEqual([
    'src/gpu/plan.ts',
    'src/gpu/fuse.ts',
    'src/gpu/graph.ts',
    'src/gpu/plan.ts',
  ]);
  const types = parse(
    'src/gpu/graph.ts',
    "import { type Plan } from './plan.js';\nimport type { A } from './plan.js';",
  );
  expect(findCircle([...circle.slice(0, 2), ...types])).toBeUndefined();
  const inOps = [
    ...parse('src/gpu/ops/sum.ts', "import { add } from './binary.js';"),
    ...parse('src/gpu/ops/binary.ts', "import { sum } from './sum.js';"),
  ];
  expect(findCircle(inOps)).toBeUndefined();
});

test('the library imports nothing but itself, and Node only in src/node; ONNX files have one writer', () => {
  const foreign = allImports().filter(
    ({ from, to, isType }) => /^src\/(gpu|vae|index)/.test(from) && !isType && !to.startsWith('src/'),
  );
  // bundled into the entry webgpu-vae/export, see docs/decisions/0011
  expect(foreign.map(({ from, to }) => `${from} imports ${to}`)).toEqual([
    'src/vae/export/onnx/proto.ts imports @bufbuild/protobuf/wire',
  ]);
});

test('the demo page uses the library by its name, as an application does', () => {
  const ofDemo = sources('demo').flatMap((path) =>
    Array.from(readFileSync(join(root, path), 'utf8').matchAll(statement), ([, , , to, bare, dynamic]) => ({
      path,
      specifier: to ?? bare ?? dynamic ?? '',
      to: locate(path, to ?? bare ?? dynamic ?? ''),
    })),
  );
  const ofLibrary = ofDemo.filter(({ to }) => /^(src|dist)\//.test(to));
  expect(ofLibrary.length, 'imports of the library were found').toBeGreaterThan(5);
  expect(ofLibrary.filter(({ specifier }) => !specifier.startsWith('webgpu-vae'))).toEqual([]);
});

test('the core does without exports', () => {
  const users = allImports().filter(
    ({ from, to }) =>
      from.startsWith('src/') && !from.includes('vae/export') && to.startsWith('src/vae/export'),
  );
  expect(users.map(({ from }) => from).filter((from) => !from.startsWith('src/node/cli/'))).toEqual([]);
});

/** Files of src with their text, without the generated one. */
function libraryTexts(folder: string): [path: string, text: string][] {
  return sources(folder)
    .filter((path) => !path.endsWith('.generated.ts'))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]);
}

test('WGSL stands in .wgsl files only', () => {
  const wgsl = /@compute|@workgroup_size|@group\(|var<(storage|uniform|workgroup)|fn main\(/;
  const found = libraryTexts('src').filter(([, text]) => wgsl.test(text));
  // The declarations of a caller's kernel are made from what it declares.
  expect(found.map(([path]) => path)).toEqual(['src/gpu/kernel-declaration.ts']);
  expect(readFileSync(join(root, 'src/gpu/kernels.generated.ts'), 'utf8'), 'the pattern finds WGSL').toMatch(
    wgsl,
  );
});

test('ops record: they do not submit, wait, read back, allocate or log', () => {
  const forbidden = /\bawait\b|\basync\b|\bPromise\b|\.submit\(|mapAsync|createBuffer|readBuffer|console\./;
  const found = libraryTexts('src/gpu/ops').filter(([, text]) => forbidden.test(text));
  expect(found.map(([path]) => path)).toEqual([]);
  expect(readFileSync(join(root, 'src/gpu/scheduler.ts'), 'utf8'), 'the pattern finds a submit').toMatch(
    forbidden,
  );
});

test('only the scheduler, its clock and a canvas submit dispatches; the rest of interop records', () => {
  const withCall = (call: RegExp): string[] =>
    libraryTexts('src')
      .filter(([, text]) => call.test(text))
      .map(([path]) => path);
  const submitting = ['src/gpu/scheduler.ts', 'src/gpu/timestamps.ts'];
  const recording = ['src/vae/interop/gpu-function.ts', 'src/vae/interop/image-pipeline.ts'];
  expect(withCall(/beginComputePass\(/)).toEqual([...submitting, ...recording]);
  expect(withCall(/\.submit\(/).filter((path) => path.startsWith('src/vae/interop/'))).toEqual([
    'src/vae/interop/model-canvas.ts',
  ]);
  expect(withCall(/mapAsync|readBuffer/).filter((path) => path.startsWith('src/vae/interop/'))).toEqual([]);
});

test('everything made on the GPU has a label', () => {
  const made =
    /\.create(Buffer|BindGroup|BindGroupLayout|PipelineLayout|ComputePipelineAsync|Texture|ShaderModule|CommandEncoder|QuerySet)\(\s*\{([^}]*)/g;
  const unlabelled = libraryTexts('src').flatMap(([path, text]) =>
    Array.from(text.matchAll(made), ([call, , fields = '']) => ({ call, fields }))
      .filter(({ fields }) => !/\blabel\b/.test(fields))
      .map(({ call }) => `${path}: ${call}`),
  );
  expect(unlabelled).toEqual([]);
});
