/**
 * Plan: the float64 reference against PyTorch 1.13 (float64). Single operations to 1e-12 (activations with two
 * derivatives, erf, ties, clipping, norms with running statistics over three batches, optimizer steps), then six whole training runs of 50 steps to 1e-9: three
 * likelihoods by two estimators, whose inputs are first shown to be the same bytes on both sides.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import * as golden from '../goldens/trajectory.js';
import { activationNames, activations, type Activation } from '../reference/activation.js';
import { largestError } from '../reference/difference.js';
import { binary, binaryBackward } from '../reference/elementwise.js';
import { erf } from '../reference/erf.js';
import {
  initialRunning,
  normalize,
  normalizeBackward,
  normalizeByRunning,
  normalizeByRunningBackward,
  updateRunning,
  type Norm,
} from '../reference/normalize.js';
import { adagrad, adam, adamw, clipGlobalNorm, initialState, sgd } from '../reference/optimizer.js';
import { fromValues, full, type F64 } from '../reference/tensor.js';
import { parameterShapes, vaeBackward } from '../reference/vae.js';

const OPERATION_TOLERANCE = 1e-12;
/** PyTorch's default. */
const NORM_EPSILON = 1e-5;
/** Only summation order differs between the two (1e-15 measured); a wrong term or rounding to float32 shows. */
const TRAJECTORY_TOLERANCE = 1e-9;

interface NormInputs {
  shape: number[];
  x: number[];
  gamma: number[];
  beta: number[];
  cotangent: number[];
}

type NormOutputs = Record<'y' | 'xGradient' | 'gammaGradient' | 'betaGradient', number[]>;

interface Operations {
  format: number;
  points: number[];
  activations: Record<Activation, { value: number[]; first: number[]; second: number[] }>;
  erf: number[];
  ties: Record<'maximum' | 'minimum', { value: number[]; aGradient: number[]; bGradient: number[] }>;
  clip: { maxNorm: number; norm: number; before: number[][]; after: number[][] }[];
  norms: (NormInputs & NormOutputs & ({ kind: 'groupNorm'; groups: number } | { kind: 'layerNorm' }))[];
  batchNorms: {
    momentum: number;
    steps: (NormInputs & NormOutputs & { running: number[] })[];
    inference: NormOutputs;
  }[];
  optimizers: {
    type: 'adam' | 'adamw' | 'sgd' | 'adagrad';
    options: { learningRate: number };
    start: number[];
    gradients: number[][];
    after: number[][];
  }[];
}

const operations: Operations = JSON.parse(
  readFileSync(new URL('../goldens/operations.json', import.meta.url), 'utf8'),
);
const optimizers = { adam, adamw, sgd, adagrad };

test.describe('single operations against PyTorch', () => {
  test('the file has the format this test reads', () => {
    expect(operations.format).toBe(2);
    expect(Object.keys(operations.activations)).toEqual(activationNames);
  });

  for (const name of activationNames)
    for (const order of ['value', 'first', 'second'] as const)
      test(`${name}: ${order === 'value' ? 'value' : `${order} derivative`}`, () => {
        const actual = operations.points.map(activations[name][order]);
        expect(largestError(actual, operations.activations[name][order])).toBeLessThan(OPERATION_TOLERANCE);
      });

  test('erf', () => {
    expect(largestError(operations.points.map(erf), operations.erf)).toBeLessThan(1e-15);
  });

  for (const name of ['maximum', 'minimum'] as const)
    test(`${name} halves the gradient at a tie`, () => {
      const [a, b] = [fromValues([3], [1, 2, 3]), fromValues([3], [3, 2, 1])];
      const { value, ...gradients } = operations.ties[name];
      expect([...binary(a, b, name).values]).toEqual(value);
      const { aGradient, bGradient } = binaryBackward(a, b, name, full([3], 1));
      expect({ aGradient: [...aGradient.values], bGradient: [...bGradient.values] }).toEqual(gradients);
    });

  for (const { maxNorm, norm, before, after } of operations.clip)
    test(`global-norm clipping at ${maxNorm}`, () => {
      const gradients = before.map((values) => Float64Array.from(values));
      expect(largestError([clipGlobalNorm(gradients, maxNorm)], [norm])).toBeLessThan(OPERATION_TOLERANCE);
      gradients.forEach((g, i) => expect(largestError(g, after[i]!)).toBeLessThan(OPERATION_TOLERANCE));
    });

  for (const norm of operations.norms)
    test(`${norm.kind} of [${norm.shape.join(', ')}] and its gradients`, () => {
      expectNorm(norm, norm, { epsilon: NORM_EPSILON, ...norm });
    });

  for (const { momentum, steps, inference } of operations.batchNorms)
    test(`batchNorm of [${steps[0]!.shape.join(', ')}] over ${steps.length} batches, momentum ${momentum}`, () => {
      const [batch, channels] = [steps[0]!.shape[0]!, steps[0]!.shape.at(-1)!];
      let running = initialRunning(channels);
      for (const step of steps) {
        // A smaller batch is a whole one whose last rows are padding.
        const [padded, rowCount] = [withPadding(step, batch), step.shape[0]!];
        const norm = { kind: 'batchNorm', batch, rowCount, epsilon: NORM_EPSILON } as const;
        expectNorm(padded, step, norm);
        running = updateRunning(running, fromValues(padded.shape, padded.x), norm, momentum);
        expect(largestError(running.values, step.running)).toBeLessThan(OPERATION_TOLERANCE);
      }
      const last = steps.at(-1)!;
      const [x, g] = [fromValues(last.shape, last.x), fromValues(last.shape, last.cotangent)];
      const [gamma, beta] = [fromValues([channels], last.gamma), fromValues([channels], last.beta)];
      const y = normalizeByRunning(x, gamma, beta, running, NORM_EPSILON);
      const gradients = normalizeByRunningBackward(x, gamma, running, NORM_EPSILON, g);
      expectValues({ y, ...gradients }, inference);
    });

  for (const { type, options, start, gradients, after } of operations.optimizers)
    test(`${type} ${JSON.stringify(options)}`, () => {
      const parameters = Float64Array.from(start);
      const state = initialState(start.length);
      gradients.forEach((gradient, step) => {
        optimizers[type](parameters, Float64Array.from(gradient), state, options);
        expect(largestError(parameters, after[step]!), `step ${step + 1}`).toBeLessThan(OPERATION_TOLERANCE);
      });
      expect(state.step).toBe(gradients.length);
    });
});

/** The batch with padding rows behind it, whose values must not matter. */
function withPadding({ shape, x, gamma, beta, cotangent }: NormInputs, batch: number): NormInputs {
  const missing = (batch - shape[0]!) * (x.length / shape[0]!);
  const padding = (value: number): number[] => Array<number>(missing).fill(value);
  const padded = [batch, ...shape.slice(1)];
  return { shape: padded, x: [...x, ...padding(99)], gamma, beta, cotangent: [...cotangent, ...padding(0)] };
}

function expectNorm(inputs: NormInputs, expected: NormOutputs, norm: Norm): void {
  const { shape, x, gamma, beta, cotangent } = inputs;
  const vector = (values: number[]): F64 => fromValues([values.length], values);
  const input = fromValues(shape, x);
  const y = normalize(input, vector(gamma), vector(beta), norm);
  const gradients = normalizeBackward(input, vector(gamma), norm, fromValues(shape, cotangent));
  expectValues({ y, ...gradients }, expected);
}

/** Elements that PyTorch has none of belong to padding. */
function expectValues(actual: Readonly<Record<keyof NormOutputs, F64>>, expected: NormOutputs): void {
  for (const name of ['y', 'xGradient', 'gammaGradient', 'betaGradient'] as const) {
    const values = actual[name].values.subarray(0, expected[name].length);
    expect(largestError(values, expected[name]), name).toBeLessThan(OPERATION_TOLERANCE);
  }
}

test.describe('training runs against PyTorch', () => {
  const { inputs, parameterNames, runs } = golden.loadTrajectory();

  test('both sides build the same images, noise and weights', () => {
    const steps = Array.from({ length: golden.STEPS }, (_, step) => step);
    const images = steps.flatMap((step) => [...golden.trajectoryBytes(step)]);
    expect(golden.fnv1a(Uint8Array.from(images))).toBe(inputs.imageHash);
    const weights = [...golden.initialParameters().values()].flatMap(({ values }) => [...values]);
    expect(golden.fnv1a(new Uint8Array(Float32Array.from(weights).buffer))).toBe(inputs.weightHash);
    const noise = steps.flatMap((step) => [...golden.trajectoryNoise(step).values]);
    const sumOfSquares = noise.reduce((sum, value) => sum + value * value, 0);
    // The file's sums are of float64 noise; rounding to float32 moves an element by at most 2^-24 of it.
    expect(Math.abs(noise.reduce((sum, value) => sum + value, 0) - inputs.noiseSum)).toBeLessThan(1e-4);
    expect(Math.abs(sumOfSquares / inputs.noiseSumOfSquares - 1)).toBeLessThan(1e-7);
  });

  test('parameter names and their order are those of the PyTorch module', () => {
    expect([...parameterShapes(golden.trajectorySpec('bernoulli')).keys()]).toEqual(parameterNames);
  });

  for (const { likelihood, estimator, losses, finalWeights } of runs)
    test(`${likelihood}, estimator ${estimator}: 50 losses and the final weights`, () => {
      const spec = golden.trajectorySpec(likelihood);
      const parameters = golden.initialParameters();
      const states = new Map(
        [...parameters].map(([name, { values }]) => [name, initialState(values.length)]),
      );
      const actual = losses.map((_, step) => {
        const [x, noise] = [golden.trajectoryRows(step), golden.trajectoryNoise(step)];
        const { loss, gradients } = vaeBackward(spec, parameters, x, noise, { estimator });
        for (const [name, { values }] of parameters)
          adam(values, gradients.get(name)!.values, states.get(name)!, {
            learningRate: golden.LEARNING_RATE,
          });
        return loss;
      });
      expect(actual).toHaveLength(golden.STEPS);
      expect(largestError(actual, losses)).toBeLessThan(TRAJECTORY_TOLERANCE);
      for (const [name, { values }] of parameters) {
        const sum = values.reduce((total, value) => total + value, 0);
        const sumOfSquares = values.reduce((total, value) => total + value * value, 0);
        const expected = [finalWeights[name]!.sum, finalWeights[name]!.sumOfSquares];
        expect(largestError([sum, sumOfSquares], expected), name).toBeLessThan(TRAJECTORY_TOLERANCE);
      }
    });
});
