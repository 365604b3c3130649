/**
 * What the runtime knows of a kernel. Ours are described by the generator from their WGSL; a kernel from outside the package
 * is declared, and its WGSL declarations are made from that, so that the shader, its bindings and the types of `dispatch`
 * cannot disagree.
 */
import { SpecError } from './errors.js';
import { pieces, stepBlock } from './kernels.generated.js';

/** A uniform struct: where each field lies. */
export interface Struct {
  readonly byteLength: number;
  readonly fields: readonly { readonly name: string; readonly type: string; readonly offset: number }[];
}

/** A kernel as plans keep it: its text and what is bound to it. */
export interface Kernel {
  readonly name: string;
  readonly bindings: readonly {
    readonly name: string;
    readonly binding: number;
    readonly type: 'uniform' | 'read-only-storage' | 'storage';
  }[];
  readonly overrides: Readonly<Record<string, string>>;
  readonly parameters: Struct;
  /** Places of its text in the shared list, or the text itself behind one line of declarations. */
  readonly pieces: readonly number[] | OwnText;
}

interface OwnText {
  readonly declarations: string;
  readonly source: string;
}

type Scalar = 'u32' | 'i32' | 'f32';

/** What `defineKernel` is told. */
export interface KernelDeclaration {
  /** In labels and error messages. */
  readonly name: string;
  /** Bindings by name, each `array<f32>`; a dispatch may not bind one tensor to a read and a written one. */
  readonly storage: Readonly<Record<string, 'read' | 'read_write'>>;
  /** Fields of the uniform `parameters`, at most 64. */
  readonly parameters?: Readonly<Record<string, Scalar>>;
  /** Pipeline constants, chosen when the kernel is compiled. */
  readonly overrides?: Readonly<Record<string, Scalar | 'bool'>>;
  /** Adds the uniform `step`: seed, stream, row_count, epoch and the rest of shaders/lib/step.wgsl. */
  readonly usesStep?: boolean;
  /** WGSL with one compute entry point `main`, without declarations of bindings, `Parameters` and overrides. */
  readonly source: string;
}

/** A kernel declared by `defineKernel`; `D` is the type of its declaration. */
export interface OwnKernel<D> extends Kernel {
  readonly declaration: D;
}

type Numbers<D, F extends string> = D extends { readonly [K in F]: infer T extends object }
  ? { readonly [K in F]: { readonly [N in keyof T]: T[N] extends 'bool' ? boolean : number } }
  : unknown;

/** What a dispatch of a declared kernel must name. */
export type KernelParts<D, Operand> = (D extends { readonly storage: infer S }
  ? { readonly bindings: { readonly [N in keyof S]: Operand } }
  : never) &
  Numbers<D, 'parameters'> &
  Numbers<D, 'overrides'>;

/** WebGPU's default limit of storage buffers a shader stage. */
const MAX_STORAGE = 8;
const MAX_PARAMETERS = 64;
const identifier = /^[A-Za-z][A-Za-z0-9_]*$/;
const reserved = ['parameters', 'step', 'main', 'Parameters', 'Step'];

/**
 * Declares a kernel, once (pipelines are kept for it as long as the device is). Shader text is first seen by the driver when
 * an Executable is made; a fault there is a ShaderError with the line of `source`.
 *
 * @throws SpecError for names that are no identifiers or are used twice, and for more than 8 storage bindings
 */
export function defineKernel<const D extends KernelDeclaration>(declaration: D): OwnKernel<D> {
  const { name, storage, parameters = {}, overrides = {}, usesStep = false, source } = declaration;
  check(declaration);
  const fields = Object.entries(parameters).map(([field, type], index) => ({
    name: field,
    type,
    offset: 4 * index,
  }));
  const uniforms = [...(fields.length > 0 ? ['parameters'] : []), ...(usesStep ? ['step'] : [])];
  const bindings = [
    ...uniforms.map((uniform) => ({ name: uniform, type: 'uniform' as const })),
    ...Object.entries(storage).map(([binding, access]) => ({
      name: binding,
      type: access === 'read' ? ('read-only-storage' as const) : ('storage' as const),
    })),
  ].map((binding, index) => ({ ...binding, binding: index }));
  const declarations = [
    ...Object.entries(overrides).map(([override, type]) => `override ${override}: ${type};`),
    ...(fields.length > 0
      ? [`struct Parameters { ${fields.map((field) => `${field.name}: ${field.type}`).join(', ')} }`]
      : []),
    ...(usesStep ? stepBlock.pieces.map((index) => pieces[index]!.replaceAll('\n', ' ')) : []),
    ...bindings.map(
      ({ name: variable, binding, type }) => `@group(0) @binding(${binding}) ${variableOf(variable, type)};`,
    ),
  ].join(' ');
  return {
    name,
    bindings,
    overrides,
    parameters: { byteLength: Math.ceil(fields.length / 4) * 16, fields },
    pieces: { declarations, source },
    declaration,
  };
}

function variableOf(name: string, type: Kernel['bindings'][number]['type']): string {
  if (type === 'uniform') return `var<uniform> ${name}: ${name === 'step' ? 'Step' : 'Parameters'}`;
  return `var<storage, ${type === 'storage' ? 'read_write' : 'read'}> ${name}: array<f32>`;
}

function check({ name, storage, parameters = {}, overrides = {} }: KernelDeclaration): void {
  const names = [storage, parameters, overrides].map((record) => Object.keys(record));
  const [bound, fields, constants] = names as [string[], string[], string[]];
  const wrong = [name, ...names.flat()].find((word) => !identifier.test(word));
  if (wrong !== undefined)
    throw new SpecError(`kernel ${name}`, `'${wrong}' is no WGSL identifier; use letters, digits and _`);
  const taken = [...bound, ...constants];
  const twice = taken.find((word, index) => reserved.includes(word) || taken.indexOf(word) !== index);
  if (twice !== undefined)
    throw new SpecError(
      `kernel ${name}`,
      `'${twice}' is declared twice or reserved (${reserved.join(', ')}); choose another name`,
    );
  if (bound.length === 0 || bound.length > MAX_STORAGE)
    throw new SpecError(
      `kernel ${name}`,
      `has ${bound.length} storage bindings; expected 1 to ${MAX_STORAGE}, which every device has; join tensors or use two kernels`,
    );
  if (fields.length > MAX_PARAMETERS)
    throw new SpecError(
      `kernel ${name}`,
      `has ${fields.length} parameters; expected at most ${MAX_PARAMETERS}; put the rest into a tensor`,
    );
}
