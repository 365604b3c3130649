/**
 * Turns shaders/*.wgsl into src/gpu/kernels.generated.ts: the sources as lists of pieces, comments stripped and
 * each shared piece kept once (the bundle pays for every copy), and what the runtime must know to bind them,
 * read from the WGSL by wgsl_reflect (which therefore never ships). What only measures an adapter (shaders/probes) goes
 * to src/node/probes.generated.ts, what reads and writes textures (shaders/images) to src/vae/interop, away from the core. Run by `npm run generate`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ResourceType, WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { segments } from './assemble.js';

const root = resolve(import.meta.dirname, '..');
const shaderFolder = join(root, 'shaders');
const target = join(root, 'src/gpu/kernels.generated.ts');
const probeTarget = join(root, 'src/node/probes.generated.ts');
const imageTarget = join(root, 'src/vae/interop/shaders.generated.ts');

interface Field {
  readonly name: string;
  readonly type: string;
  readonly offset: number;
}

interface StructDescription {
  readonly byteLength: number;
  readonly fields: readonly Field[];
}

/** Comments and indentation out; the text stays line by line, so compile errors keep a readable place. */
function strip(source: string): string {
  return source
    .split('\n')
    .map((line) => line.replace(/\/\/.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n');
}

const pieceTexts: string[] = [];

/** The index of a piece of text in the shared list. */
function pieceIndex(text: string): number {
  const index = pieceTexts.indexOf(text);
  return index >= 0 ? index : pieceTexts.push(text) - 1;
}

function describeUniform(uniform: { type: unknown; size: number }): StructDescription {
  const { members } = uniform.type as { members: { name: string; type: { name: string }; offset: number }[] };
  const fields = members.map(({ name, type, offset }) => ({ name, type: type.name, offset }));
  // Uniform structs are bound in whole 16-byte rows.
  return { byteLength: Math.ceil(uniform.size / 16) * 16, fields };
}

function reflect(name: string, source: string): WgslReflect {
  try {
    return new WgslReflect(source);
  } catch (error) {
    const line = Number(/Line: (\d+)/.exec(String(error))?.[1] ?? 1);
    throw new Error(`shaders/${name}.wgsl: ${String(error)}: ${source.split('\n')[line - 1]}`, {
      cause: error,
    });
  }
}

function describe(name: string): { kernel: string; step: StructDescription | undefined } {
  const pieces = segments(join(shaderFolder, `${name}.wgsl`))
    .map(strip)
    .filter((piece) => piece !== '');
  const source = pieces.join('\n');
  const reflection = reflect(name, source);
  const entry = reflection.entry.compute[0];
  if (!entry || reflection.entry.compute.length !== 1)
    throw new Error(
      `shaders/${name}.wgsl has ${reflection.entry.compute.length} compute entry points; expected one`,
    );
  const variables = reflection.getBindGroups().flat();
  let parameters: StructDescription = { byteLength: 0, fields: [] };
  let step: StructDescription | undefined;
  const bindings = variables.map((variable) => {
    const isUniform = variable.resourceType === ResourceType.Uniform;
    if (isUniform && variable.name === 'parameters') parameters = describeUniform(variable);
    if (isUniform && variable.name === 'step') step = describeUniform(variable);
    const access = isUniform ? 'uniform' : variable.access === 'read' ? 'read-only-storage' : 'storage';
    return { name: variable.name, binding: variable.binding, type: access };
  });
  const overrides = Object.fromEntries(reflection.overrides.map((o) => [o.name, o.type?.name ?? 'f32']));
  const record = JSON.stringify({ name, bindings, overrides, parameters }).slice(0, -1);
  const indexes = pieces.map(pieceIndex);
  return { kernel: `  ${name}: ${record},"pieces":[${indexes.join(',')}]},`, step };
}

function shadersIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.wgsl'))
    .map((file) => basename(file, '.wgsl'))
    .toSorted();
}

const names = shadersIn(shaderFolder);
const described = names.map(describe);
const steps = new Set(described.flatMap(({ step }) => (step ? [JSON.stringify(step)] : [])));
if (steps.size !== 1)
  throw new Error(`the step block is declared in ${steps.size} different ways; expected one`);

// For kernels from outside the package, whose declarations are made at run time.
const stepPiece = pieceIndex(strip(readFileSync(join(shaderFolder, 'lib/step.wgsl'), 'utf8')));

const text = [
  '// Made by tools/generate.ts from shaders/*.wgsl; do not edit. Run `npm run generate` after changing a shader.',
  'export const kernels = {',
  ...described.map(({ kernel }) => kernel),
  '} as const;',
  `export const pieces: readonly string[] = ${JSON.stringify(pieceTexts, null, 1)};`,
  `export const stepBlock = ${[...steps][0]!.slice(0, -1)},"pieces":[${stepPiece}]} as const;`,
  '',
].join('\n');
mkdirSync(join(root, 'src/gpu'), { recursive: true });
writeFileSync(target, text);

/** The sources of a folder of shaders by name, for code that binds them itself. */
function writeSources(folder: string, name: string, path: string): void {
  const sources = shadersIn(folder).map((shader) => {
    const source = segments(join(folder, `${shader}.wgsl`))
      .map(strip)
      .filter((piece) => piece !== '')
      .join('\n');
    return `  ${shader}: ${JSON.stringify(source)},`;
  });
  const lines = [text.split('\n', 1)[0], `export const ${name} = {`, ...sources, '} as const;', ''];
  writeFileSync(path, lines.join('\n'));
}

writeSources(join(shaderFolder, 'probes'), 'probes', probeTarget);
writeSources(join(shaderFolder, 'images'), 'imageShaders', imageTarget);
console.log(`generated ${names.length} kernels`);
