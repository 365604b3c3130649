/**
 * Plan: plans without a GPU, walked dispatch by dispatch.
 * - liveness: at every read, the buffer still holds the tensor that is read; no dispatch reads and writes one buffer;
 *   outputs hold at the end. On a dense VAE and on every kernel case, fused and not, for every adapter class;
 * - gradients: written in place, or copied when shared, read, or asked for as outputs; a zero gradient takes nothing;
 * - attention: no tensor as large as its scores;
 * - costs, labels, inputs, constants, views; grids within what every device allows.
 */
import { expect, test } from '@playwright/test';
import {
  activate,
  add,
  affine,
  attention,
  constant,
  gradient,
  input,
  likelihood,
  makePlan,
  matmul,
  multiply,
  noise,
  ParameterSet,
  reparameterize,
  reshape,
  scoped,
  square,
  sum,
  unary,
  type Plan,
  type PlanRequest,
  type Tensor,
} from 'webgpu-vae/gpu';
import { storageOf } from '../../src/gpu/fuse.js';
import { attentionComposition } from '../../src/gpu/ops/attention.js';
import type { Location } from '../../src/gpu/plan.js';
import { Model } from '../../src/vae/model.js';
import { denseSpec } from '../../src/vae/presets.js';
import { completeSpec } from '../../src/vae/spec.js';
import { CaseGraph, matmulClasses } from '../cases/case.js';
import { kernelCases } from '../cases/index.js';

/** A training plan of a dense VAE, as the trainer makes it. */
function vaeRequest(batch = 32, samples = 1): PlanRequest {
  const model = new Model(completeSpec(denseSpec({ input: [28, 28, 1], hidden: 400, latent: 20 })));
  const { loss, terms } = model.elbo(input('x', [batch, 784]), { estimator: 'B', samples });
  const { set } = model.weights;
  const targets = set.entries.map(({ tensor }) => tensor);
  return {
    label: 'train',
    outputs: { loss, terms },
    parameters: set,
    gradients: gradient(loss, targets),
    update: { rule: 'adam', beta1: 0.9, beta2: 0.999, maxNorm: 1 },
  };
}

/** What is wrong with a plan's use of buffers, as sentences. */
function faults(plan: Plan, request: PlanRequest): string[] {
  const found: string[] = [];
  /** Which tensor each slot and each range of a resource holds. */
  const contents = new Map<string, Tensor>();
  for (const { label, dispatch, locations } of plan.dispatches) {
    const [reads, writes]: [string[], string[]] = [[], []];
    for (const { name, type } of dispatch.kernel.bindings) {
      const [operand, location] = [dispatch.bindings[name], locations[name]];
      if (!operand || operand === 'unused' || 'resource' in operand || !location) continue;
      const place = placeOf(location);
      if (!place) continue;
      if (location.kind === 'slot' && location.byteLength > plan.slotByteLengths[location.slot]!)
        found.push(`${label}: ${name} needs ${location.byteLength} bytes of ${place}`);
      const tensor = storageOf(operand);
      if (type === 'storage') {
        if (writes.includes(place)) found.push(`${label} writes ${place} twice`);
        writes.push(place);
        contents.set(place, tensor);
      } else {
        reads.push(place);
        if (contents.get(place) !== tensor)
          found.push(
            `${label}: ${name} reads ${String(tensor)} from ${place}, which holds ${String(contents.get(place))}`,
          );
      }
    }
    for (const place of reads) if (writes.includes(place)) found.push(`${label} reads and writes ${place}`);
  }
  for (const [name, tensor] of Object.entries(request.outputs)) {
    const place = placeOf(plan.outputs.get(name)!.location);
    if (place && contents.get(place) !== storageOf(tensor))
      found.push(`output ${name} is gone from ${place}`);
  }
  return found;
}

/** A name for memory that dispatches write; undefined for what is only read. */
function placeOf(location: Location): string | undefined {
  if (location.kind === 'slot') return `slot ${location.slot}`;
  if (location.kind === 'resource' && location.name === 'gradients')
    return `gradients + ${location.byteOffset ?? 0}`;
  return undefined;
}

const bytes = (plan: Plan): number => plan.slotByteLengths.reduce((total, length) => total + length, 0);

test('a VAE keeps every tensor until its last use', () => {
  for (const adapterClass of matmulClasses)
    for (const fusion of [true, false])
      for (const reuse of [true, false]) {
        const request = { ...vaeRequest(32, 2), fusion, reuse };
        expect(
          faults(makePlan(request, adapterClass), request),
          `${adapterClass} ${fusion} ${reuse}`,
        ).toEqual([]);
      }
});

test('every kernel case keeps every tensor until its last use', () => {
  const found = kernelCases.flatMap((kernelCase) => {
    const graph = new CaseGraph();
    kernelCase.build(graph);
    const { outputs, parameters, state, gradients } = graph;
    const request = {
      label: kernelCase.name,
      outputs,
      ...(parameters && { parameters }),
      ...(state && { state }),
      ...(gradients && { gradients }),
    };
    return [true, false].flatMap((fusion) =>
      faults(makePlan({ ...request, fusion }, kernelCase.adapterClass), request),
    );
  });
  expect(found).toEqual([]);
});

test('the walk finds a buffer that is taken too early', () => {
  const request = vaeRequest();
  const plan = makePlan(request, 'software');
  const clash = plan.dispatches.findIndex(({ locations }) => locations['product']?.kind === 'slot');
  const broken = plan.dispatches.map((planned, i) =>
    i === clash
      ? {
          ...planned,
          locations: {
            ...planned.locations,
            product: plan.dispatches.at(-1)!.locations['refused'] ?? plan.outputs.get('loss')!.location,
          },
        }
      : planned,
  );
  expect(faults({ ...plan, dispatches: broken }, request)).not.toEqual([]);
});

test('reuse saves memory, and without it every tensor has a buffer of its own', () => {
  const shared = makePlan(vaeRequest(), 'software');
  const own = makePlan({ ...vaeRequest(), reuse: false }, 'software');
  expect(bytes(shared)).toBeLessThan(bytes(own));
  const written = own.dispatches.flatMap(({ dispatch, locations }) =>
    dispatch.kernel.bindings
      .filter(({ name, type }) => type === 'storage' && locations[name]?.kind === 'slot')
      .map(({ name }) => placeOf(locations[name]!)),
  );
  expect(new Set(written).size).toBe(written.length);
});

/** Where the planned dispatches write gradients, and how many are copies. */
function gradientWrites(plan: Plan): { places: string[]; copies: number } {
  const places = plan.dispatches.flatMap(({ dispatch, locations }) =>
    dispatch.kernel.bindings.flatMap(({ name, type }) => {
      const place = type === 'storage' && locations[name] ? placeOf(locations[name]) : undefined;
      return place?.startsWith('gradients') ? [place] : [];
    }),
  );
  return { places, copies: plan.dispatches.filter(({ label }) => label === 'gradient copy').length };
}

test('the gradients of a VAE are written in place, each at the offset of its weight', () => {
  const request = vaeRequest();
  const { places, copies } = gradientWrites(makePlan(request, 'software'));
  expect(places.toSorted()).toEqual(
    request.parameters!.entries.map(({ offset }) => `gradients + ${4 * offset}`).toSorted(),
  );
  expect(copies).toBe(0);
});

test('gradients that cannot be written in place are copied', () => {
  const set = new ParameterSet();
  const [a, b, c, idle] = ['a', 'b', 'c', 'idle'].map((name) => set.add(name, [5])) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const fed = input('fed', [5]);
  const shared = square(fed);
  const gradients = [shared, shared, fed, constant([5], 0)];
  const plan = makePlan(
    { label: 'copies', outputs: { loss: sum(add(a, add(b, add(c, idle)))) }, parameters: set, gradients },
    'gpu',
  );
  const { places, copies } = gradientWrites(plan);
  expect(places.toSorted()).toEqual(['gradients + 0', 'gradients + 256', 'gradients + 512']);
  expect(copies).toBe(2); // the second use of a shared one, and the input

  const asOutput = makePlan({ label: 'output', outputs: { shared }, parameters: set, gradients }, 'gpu');
  expect(gradientWrites(asOutput).copies).toBe(3);
});

test('a constant gradient that is not zero is copied from the constant', () => {
  const set = new ParameterSet();
  const a = set.add('a', [3]);
  const plan = makePlan(
    { label: 'constant', outputs: {}, parameters: set, gradients: gradient(sum(a), [a]) },
    'gpu',
  );
  expect(gradientWrites(plan)).toEqual({ places: ['gradients + 0'], copies: 1 });
  expect(plan.constants).toEqual([{ value: 1, elementCount: 3 }]);
});

test('weights are read where they lie', () => {
  const set = new ParameterSet();
  const weights = [set.add('w', [3, 5]), set.add('bias', [5])] as const;
  const y = add(matmul(input('x', [2, 3]), weights[0]), weights[1]);
  const { dispatches } = makePlan({ label: 'weights', outputs: { y }, parameters: set }, 'gpu');
  const place = { kind: 'resource', name: 'weights' };
  expect(dispatches[0]!.locations).toMatchObject({
    a: { kind: 'input', name: 'x' },
    b: { ...place, byteOffset: 0, byteLength: 60 },
    bias: { ...place, byteOffset: 256, byteLength: 20 },
    saved: { kind: 'unused' },
  });
});

test('flops are those of the formula', () => {
  const [a, b] = [input('a', [31, 700]), input('b', [700, 33])];
  const cost = (
    outputs: Record<string, Tensor>,
    fusion = true,
  ): { flops: number; bytesRead: number; bytesWritten: number }[] =>
    makePlan({ label: 'cost', outputs, fusion }, 'gpu').dispatches.map(({ dispatch }) => dispatch.cost);
  const product = matmul(a, b);
  const [whole, pieces] = cost({ product });
  expect(whole).toEqual({
    flops: 2 * 31 * 700 * 33,
    bytesRead: 4 * 700 * (31 + 33),
    bytesWritten: 4 * 31 * 33,
  });
  expect(pieces!.flops, 'a cut inner axis adds its pieces').toBe(2 * 31 * 33);
  const x = input('x', [10, 7]);
  expect(cost({ y: unary('exp', x) })).toEqual([{ flops: 70, bytesRead: 280, bytesWritten: 280 }]);
  expect(cost({ y: sum(x, [1]) })).toEqual([{ flops: 70, bytesRead: 280, bytesWritten: 40 }]);
  expect(cost({ y: multiply(x, input('row', [7])) })).toEqual([
    { flops: 70, bytesRead: 308, bytesWritten: 280 },
  ]);
  expect(cost({ y: reshape(x, [70]) })).toEqual([]);
});

test('a training step of the dense VAE costs six flops a weight and row in its matmuls, less the first layer', () => {
  const batch = 32;
  const { dispatches } = makePlan(vaeRequest(batch), 'gpu');
  const matmuls = dispatches.filter(({ dispatch }) => dispatch.kernel.name.startsWith('matmul'));
  const weights = 784 * 400 + 400 * 40 + 20 * 400 + 400 * 784;
  const flops = matmuls.reduce((total, { dispatch }) => total + dispatch.cost.flops, 0);
  // forward, gradient by the weights, gradient by the input (which the data does not get)
  expect(flops).toBe(2 * batch * (3 * weights - 784 * 400));
});

test('every dispatch says where in the model it belongs', () => {
  const y = scoped('encoder', () =>
    scoped('0', () => activate(add(matmul(input('x', [4, 3]), input('w', [3, 2])), input('b', [2])), 'tanh')),
  );
  const plan = makePlan({ label: 'labels', outputs: { y } }, 'gpu');
  expect(plan.dispatches.map(({ label }) => label)).toEqual(['encoder/0/matmul+add+tanh']);
  const { dispatches } = makePlan(vaeRequest(), 'software');
  expect(dispatches.map(({ label }) => label).slice(-4)).toEqual([
    'gradient encoder.0/matmul/matmul+columnSum',
    'update adam',
    'update adam',
    'update adam',
  ]);
  expect(dispatches.every(({ label }) => /^[\w./+ ]+$/.test(label))).toBe(true);
});

test('only what the outputs need is dispatched', () => {
  const [x, y] = [input('x', [3]), input('y', [3])];
  const [used, unused] = [square(x), square(y)];
  const plan = makePlan({ label: 'needed', outputs: { used, x } }, 'gpu');
  expect(unused.shape).toEqual([3]);
  expect(plan.dispatches).toHaveLength(1);
  expect([...plan.inputs]).toEqual([['x', [3]]]);
  expect(plan.outputs.get('x')!.location).toEqual({ kind: 'input', name: 'x' });
});

test('a view lives where its tensor lives', () => {
  const y = square(input('x', [2, 6]));
  const plan = makePlan({ label: 'view', outputs: { y, view: reshape(y, [3, 4]) } }, 'gpu');
  expect(plan.dispatches).toHaveLength(1);
  expect(plan.outputs.get('view')).toEqual({ shape: [3, 4], location: plan.outputs.get('y')!.location });
});

test('a likelihood that is weighted by a deep network is planned', () => {
  // Every block reads its input twice; walked path by path, 60 blocks would take longer than the universe.
  let weight = input('weight', [4]);
  for (let block = 0; block < 60; block++) weight = add(weight, square(weight));
  const logits = input('logits', [4, 3]);
  const value = likelihood('bernoulli', logits, input('data', [4, 3]));
  const [byLogits] = gradient(sum(multiply(value, weight)), [logits]);
  const plan = makePlan({ label: 'deep', outputs: { value, byLogits: byLogits! } }, 'gpu');
  expect(plan.dispatches.at(-1)!.label).toBe('likelihood+gradient');
});

test('attention, forward and backward, keeps no tensor of all pairs of points', () => {
  const [B, P, C] = [1, 4096, 8];
  const largest = (build: typeof attention): number => {
    const [q, k, v] = ['q', 'k', 'v'].map((name) => input(name, [B, P, C])) as [Tensor, Tensor, Tensor];
    const y = build(q, k, v);
    const [first, second, third] = gradient(sum(square(y)), [q, k, v]);
    const outputs = { y, first: first!, second: second!, third: third! };
    const plan = makePlan({ label: 'attention', outputs, reuse: false }, 'gpu');
    return Math.max(...plan.slotByteLengths);
  };
  expect(largest(attention)).toBe(4 * B * P * C);
  expect(largest(attentionComposition)).toBeGreaterThanOrEqual(4 * B * P * P); // the check can fail
});

test('grids stay within the limits of every device', () => {
  const rows = 1_000_003;
  const long = input('long', [9_000_001]);
  const outputs = {
    elements: affine(long, 2, 1),
    noise: noise([9_000_001]),
    rows: likelihood('bernoulli', input('logits', [rows, 1]), input('data', [rows, 1])),
    kl: reparameterize(input('moments', [rows, 2]), {
      latent: 1,
      samples: 1,
      posterior: 'diagonal',
      estimator: 'B',
      tag: 0,
    }).kl,
  };
  const { dispatches } = makePlan({ label: 'large', outputs }, 'gpu');
  expect(dispatches).toHaveLength(4);
  for (const { label, dispatch } of dispatches) {
    const [x, y, z] = dispatch.workgroups;
    expect(Math.max(x, y, z), label).toBeLessThanOrEqual(65_535);
  }
});
