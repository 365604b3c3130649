/** A state_dict of a user's own PyTorch model as a model file of ours. */
import { CheckpointError, SpecError } from '../../gpu/errors.js';
import { elementCount, sameShape, type Shape } from '../../gpu/shape.js';
import { modelValues, writeModelFile } from '../checkpoint/model-file.js';
import { readSafetensors } from '../checkpoint/safetensors.js';
import { convBiasToTorch, convWeightToTorch } from '../convert/convolution.js';
import { checkGeometry, deconvFromTorch, type TransposedOptions } from '../convert/transposed-convolution.js';
import type { DeconvSpec } from '../layer-spec.js';
import { Model } from '../model.js';
import { completeSpec, type VaeSpec } from '../spec.js';
import { modelNetworks } from './model-networks.js';
import type { Module } from './network.js';

/** How PyTorch's weights are brought to a specification. */
export interface ImportOptions {
  /**
   * Their modules by ours: `{ fc1: 'encoder.0', fc21: 'mean' }`. A module whose outputs are those of several of ours names
   * them in order: `{ fc2: ['mean', 'log_variance'] }`. The longest match counts; `{ module: '' }` takes a prefix away.
   */
  readonly names?: Readonly<Record<string, string | readonly string[]>>;
  /** Deconvolutions of ours (`decoder.4`) whose tensors are a ConvTranspose2d's; its stride is their factor. */
  readonly transposed?: Readonly<Record<string, Omit<TransposedOptions, 'stride'>>>;
  /** `zero`: modules without a bias are taken for modules whose bias is zero. */
  readonly absentBias?: 'zero';
}

interface Tensor {
  readonly shape: Shape;
  readonly values: Float32Array;
}

const WHERE = 'importTorch';
/** Names that a message lists of each kind. */
const LISTED = 20;

/**
 * The file of a model of `spec` with the weights of a safetensors file that PyTorch wrote
 * (`safetensors.torch.save_file(model.state_dict(), path)`; F32, F16 or BF16), for `Vae.load`. Images were f32[N, C, H, W] there.
 *
 * @throws SpecError for a specification that cannot be built, or names that match nothing; CheckpointError for a broken file,
 * and for tensors that are missing, unexpected or of another shape, all of them listed
 * @example
 * const file = await importTorch(bytes, spec, { names: { fc1: 'encoder.0', fc21: 'mean', fc22: 'log_variance' } });
 * const vae = await Vae.load(file, { device });
 */
export async function importTorch(
  bytes: Uint8Array,
  spec: VaeSpec,
  options: ImportOptions = {},
): Promise<Uint8Array> {
  const model = new Model(completeSpec(spec));
  const expected = expectedShapes(model);
  const found = await readRenamed(bytes, options.names ?? {}, expected);
  for (const [path, settings] of Object.entries(options.transposed ?? {}))
    foldTransposed(found, path, deconvAt(model, path), settings);
  fillAbsent(found, expected, options);
  checkComplete(found, expected);
  return writeModelFile(model, modelValues(model, found));
}

function expectedShapes({ weights }: Model): Map<string, Shape> {
  const tensors = [...weights.fileTensors(), ...weights.stateTensors()];
  return new Map(tensors.map(({ layout }) => [layout.name, layout.shape]));
}

/** The file's tensors under our names. */
async function readRenamed(
  bytes: Uint8Array,
  names: NonNullable<ImportOptions['names']>,
  expected: ReadonlyMap<string, Shape>,
): Promise<Map<string, Tensor>> {
  const { tensors } = await readSafetensors(bytes);
  const used = new Set<string>();
  const found = new Map<string, Tensor>();
  for (const [name, { shape, values }] of tensors) {
    const key = longestMatch(name, Object.keys(names));
    if (key !== undefined) used.add(key);
    const tensor = { shape, values: Float32Array.from(values as ArrayLike<number | bigint>, Number) };
    for (const [ours, part] of renamed(name, key, names, tensor, expected)) {
      if (found.has(ours))
        throw new SpecError(
          'names',
          `two tensors become ${ours}, one of them ${name}; name each of ours once`,
        );
      found.set(ours, part);
    }
  }
  const idle = Object.keys(names).find((key) => !used.has(key));
  if (idle !== undefined)
    throw new SpecError(
      'names',
      `has ${idle}, which no tensor of the file begins with; it has ${listed([...tensors.keys()])}; correct it`,
    );
  return found;
}

function longestMatch(name: string, keys: readonly string[]): string | undefined {
  return keys
    .filter((key) => name === key || name.startsWith(`${key}.`))
    .reduce<string | undefined>((best, key) => (best && best.length > key.length ? best : key), undefined);
}

function renamed(
  name: string,
  key: string | undefined,
  names: NonNullable<ImportOptions['names']>,
  tensor: Tensor,
  expected: ReadonlyMap<string, Shape>,
): [name: string, tensor: Tensor][] {
  if (key === undefined) return [[name, tensor]];
  const rest = name.slice(key.length + 1);
  const join = (ours: string): string => [ours, rest].filter((part) => part !== '').join('.');
  const target = names[key]!;
  if (typeof target === 'string') return [[join(target), tensor]];
  return parts(target.map(join), tensor, expected);
}

/** A tensor's rows divided among ours; what they lack or have too much is told as a wrong shape. */
function parts(
  names: readonly string[],
  { shape, values }: Tensor,
  expected: ReadonlyMap<string, Shape>,
): [name: string, tensor: Tensor][] {
  const rowWidth = elementCount(shape.slice(1));
  const rows = names.map((name) => expected.get(name)?.[0] ?? 0);
  if (rows.reduce((a, b) => a + b, 0) !== shape[0]) return names.map((name) => [name, { shape, values }]);
  let first = 0;
  return names.map((name, index) => {
    const count = rows[index]!;
    first += count;
    const part = values.slice((first - count) * rowWidth, first * rowWidth);
    return [name, { shape: [count, ...shape.slice(1)], values: part }];
  });
}

/** The deconvolution whose convolution is at a path such as `decoder.4`. */
function deconvAt(model: Model, path: string): DeconvSpec {
  const [network, ...steps] = path.split('.');
  const { encoder, decoder } = modelNetworks(model.spec);
  let modules: readonly Module[] = network === 'encoder' ? encoder : network === 'decoder' ? decoder : [];
  let module: Module | undefined;
  for (const step of steps.filter((part) => part !== 'layers')) {
    module = modules[Number(step)];
    modules = module?.type === 'residual' ? module.modules : [];
  }
  if (module?.type === 'conv' && module.deconv) return module.deconv;
  throw new SpecError(
    'transposed',
    `names ${path}, which is no deconvolution of the specification; expected the path of a deconv's weight, such as decoder.4`,
  );
}

/** Puts the Conv2d that stands for a ConvTranspose2d in its place. */
function foldTransposed(
  found: Map<string, Tensor>,
  path: string,
  layer: DeconvSpec,
  options: Omit<TransposedOptions, 'stride'>,
): void {
  const [weight, bias] = [found.get(`${path}.weight`), found.get(`${path}.bias`)];
  if (!weight) return; // told as missing
  const { factor = 2 } = layer;
  const converted = deconvFromTorch(weight, bias?.values, { ...options, stride: factor });
  checkGeometry(layer, converted.layer, `transposed ${path}`);
  const { shape, values } = convWeightToTorch(converted.weight, factor);
  found.set(`${path}.weight`, { shape, values });
  if (!bias) return; // told as missing, or filled
  found.set(`${path}.bias`, {
    shape: [converted.bias.length],
    values: convBiasToTorch(converted.bias, factor),
  });
}

/** Older files count no batches; that number changes nothing but a cumulative average. */
function fillAbsent(
  found: Map<string, Tensor>,
  expected: ReadonlyMap<string, Shape>,
  { absentBias }: ImportOptions,
): void {
  for (const [name, shape] of expected) {
    const isBias =
      absentBias === 'zero' && name.endsWith('.bias') && found.has(name.replace(/bias$/, 'weight'));
    if (found.has(name) || !(isBias || name.endsWith('.num_batches_tracked'))) continue;
    found.set(name, { shape, values: new Float32Array(elementCount(shape)) });
  }
}

/** Like PyTorch's strict loading: everything that is wrong, at once. */
function checkComplete(found: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Shape>): void {
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !expected.has(name));
  const misshapen = [...expected].flatMap(([name, shape]) => {
    const tensor = found.get(name);
    return tensor && !sameShape(tensor.shape, shape)
      ? [`${name} is [${tensor.shape.join(', ')}], the specification needs [${shape.join(', ')}]`]
      : [];
  });
  const faults = [
    missing.length > 0 ? `missing: ${listed(missing)}` : '',
    unexpected.length > 0 ? `unexpected: ${listed(unexpected)}` : '',
    misshapen.length > 0 ? `of another shape: ${listed(misshapen)}` : '',
  ].filter((fault) => fault !== '');
  if (faults.length === 0) return;
  throw new CheckpointError(
    WHERE,
    `the file does not fit the specification; ${faults.join('; ')}; rename modules with names, state a ConvTranspose2d in transposed, or pass absentBias: 'zero' for modules without one`,
  );
}

function listed(names: readonly string[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `${names.slice(0, LISTED).join(', ')}${more}`;
}
