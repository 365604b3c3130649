/** A model as ONNX graphs in the layout of a Triton model repository, with a batch script for Ray Data. */
import { SpecError } from '../../gpu/errors.js';
import { elementCount } from '../../gpu/shape.js';
import { encode } from '../checkpoint/concatenate.js';
import { fileTensors, modelTensors } from '../checkpoint/model-file.js';
import type { CompleteSpec } from '../spec.js';
import { modelNetworks, type ModelNetworks } from './model-networks.js';
import { GraphBuilder } from './onnx/graph.js';
import {
  encoderFeatures,
  likelihoodMean,
  movingCodewords,
  sampleLatents,
  summary,
  type Parts,
} from './onnx/members.js';
import { runModules } from './onnx/modules.js';
import { onnxBytes, tensorByteLength, type OnnxGraph } from './onnx/proto.js';
import { rayPython } from './serving/ray.js';
import { tritonConfig } from './serving/triton.js';
import { exportedModel, type ExportedFiles, type ExportSource } from './source.js';
import { objectiveNote } from './to-torch.js';

/** The graphs that a model is exported as. */
export const onnxGraphs = ['encoder', 'decoder', 'sampler'] as const;
/** One of the graphs. */
export type OnnxGraphName = (typeof onnxGraphs)[number];

/** What is exported. */
export interface OnnxOptions {
  /** All three by default. */
  readonly graphs?: readonly OnnxGraphName[];
}

/** What protocol buffers hold at most. */
const MAX_BYTE_LENGTH = 2 ** 31 - 1;

/**
 * Graphs of operator set 17 with an open batch size, f32, images as f32[batch, C, H, W]:
 *
 * - encoder: x -> mean f32[batch, K] (of a flow, where its base's mean goes) and, of a Gaussian posterior, log_variance
 * - decoder: z f32[batch, K] -> x, the mean of p(x | z)
 * - sampler: noise, standard normal -> x
 *
 * with an input condition f32[batch, classes], one-hot, where the model has one. Paths are those of a Triton model
 * repository, `models/encoder/1/model.onnx` and `models/encoder/config.pbtxt`; ray_batch.py and README.txt lie beside it.
 *
 * @throws CheckpointError for bytes that are no model; SpecError for a layer that has no operators, naming it
 * @example
 * const files = await exportOnnx(vae);
 * const decoder = files.get('models/decoder/1/model.onnx');
 */
export async function exportOnnx(source: ExportSource, options: OnnxOptions = {}): Promise<ExportedFiles> {
  const exported = await exportedModel(source);
  const { model, values } = exported;
  const { spec } = model;
  const names = checkGraphs(options.graphs ?? onnxGraphs);
  const tensors = new Map(fileTensors(modelTensors(model, values)));
  if (spec.posterior.type === 'vector-quantized' && spec.posterior.codebook === 'ema')
    tensors.set('posterior.codebook', movingCodewords(tensors));
  const parts = { spec, networks: modelNetworks(spec), noiseWidth: model.prior.noiseWidth };
  const files = new Map<string, Uint8Array>();
  for (const name of names) {
    const builder = new GraphBuilder(name, tensors);
    build[name](builder, parts);
    const graph = builder.build();
    checkSize(graph);
    files.set(`models/${name}/1/model.onnx`, onnxBytes(graph));
    files.set(`models/${name}/config.pbtxt`, encode(tritonConfig(graph)));
  }
  if (names.includes('encoder')) files.set('ray_batch.py', encode(rayPython(parts)));
  return files.set('README.txt', encode(`${readme(spec, parts.networks)}${objectiveNote(exported)}`));
}

const build: Readonly<Record<OnnxGraphName, (graph: GraphBuilder, parts: Parts) => void>> = {
  encoder(graph, { spec, networks }) {
    const x = graph.input('x', networks.datum);
    const hidden = encoderFeatures(graph, networks, x, condition(graph, networks));
    for (const [name, value, shape] of summary(graph, spec, hidden)) graph.output(name, value, shape);
  },
  decoder(graph, parts) {
    decode(graph, parts, graph.input('z', [parts.spec.latent]), condition(graph, parts.networks));
  },
  sampler(graph, parts) {
    const told = condition(graph, parts.networks);
    decode(graph, parts, sampleLatents(graph, parts, told), told);
  },
};

function condition(graph: GraphBuilder, { conditionWidth }: ModelNetworks): string | undefined {
  return conditionWidth === 0 ? undefined : graph.input('condition', [conditionWidth]);
}

function decode(graph: GraphBuilder, { spec, networks }: Parts, z: string, told: string | undefined): void {
  const input = told ? graph.op('Concat', [z, told], { axis: 1 }) : z;
  const decoded = runModules(graph, networks.decoder, input, 'decoder');
  graph.output('x', likelihoodMean(graph, spec, networks, decoded), networks.datum);
}

function checkGraphs(names: readonly string[]): readonly OnnxGraphName[] {
  const known = onnxGraphs.filter((name) => names.includes(name));
  if (known.length > 0 && known.length === names.length) return known;
  throw new SpecError(
    'graphs',
    `is [${names.join(', ')}]; expected some of ${onnxGraphs.join(', ')}; name each once`,
  );
}

function checkSize(graph: OnnxGraph): void {
  const byteLength = tensorByteLength(graph);
  if (byteLength > MAX_BYTE_LENGTH - 2 ** 20)
    throw new SpecError(
      graph.name,
      `has ${byteLength} bytes of weights; an ONNX file holds less than 2 GiB; export to PyTorch, or use a smaller model`,
    );
}

function readme(spec: CompleteSpec, { datum, conditionWidth }: ModelNetworks): string {
  const told = conditionWidth ? `\ncondition is f32[batch, ${conditionWidth}], the class one-hot.` : '';
  return `A variational autoencoder of webgpu-vae as ONNX graphs (operator set 17, any batch size).

encoder: x f32[batch, ${datum.join(', ')}] -> mean f32[batch, ${spec.latent}], and log_variance of a Gaussian posterior
decoder: z f32[batch, ${spec.latent}] -> x, the mean of p(x | z)
sampler: noise, standard normal -> x
Images are channels first; ${elementCount(datum)} numbers each in the units of the training data (bytes divided by 255).${told}

  tritonserver --model-repository=$PWD/models
  python ray_batch.py --data images.npy --out latents
`;
}
