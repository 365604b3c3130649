/**
 * Plan: what every op refuses, as a table: the call and the whole message, which must say what came, what was expected
 * and, where it is not the same, what to do. And the opposite: shapes that only look wrong.
 */
import { expect, test } from '@playwright/test';
import {
  add,
  affine,
  batchNorm,
  attention,
  averagePool,
  binary,
  broadcastTo,
  concat,
  constant,
  conv2d,
  convGeometry,
  convInputGradient,
  convWeightGradient,
  depthToSpace,
  dropout,
  gather,
  gradient,
  groupNorm,
  input,
  layerNorm,
  likelihood,
  logSumExp,
  lowest,
  makePlan,
  matmul,
  maxPool,
  multiply,
  nearest,
  noise,
  objective,
  oneHot,
  pad,
  ParameterSet,
  permuteColumns,
  reparameterize,
  reshape,
  rowWeights,
  ShapeError,
  slice,
  spaceToDepth,
  SpecError,
  sum,
  sumPool,
  sumTo,
  table,
  triangular,
  triangularOuter,
  unary,
  upsample,
  VaeError,
  vectorJacobian,
  type Tensor,
} from 'webgpu-vae/gpu';
import type { OpDefinition } from '../../src/gpu/graph.js';
import { checkActivation } from '../../src/gpu/ops/activation.js';

const x = (...shape: number[]): Tensor => input('x', shape);
const data = { batch: 2, width: 3, rows: 4, format: 'bytes', shuffle: false, binarize: false } as const;
/** 3 x 3 with stride 2 over 5 x 5 pixels: 3 x 3 pixels come out. */
const geometry = convGeometry([5, 5], [3, 3], { stride: 2, padding: 1 });
const paddingExpected = "expected 'same', or integers of at least 0: one, or [top, bottom, left, right]";
const attributes = { latent: 3, samples: 2, posterior: 'diagonal', estimator: 'B', tag: 0 } as const;

type Refusal = readonly [what: string, call: () => unknown, error: typeof ShapeError, message: string];

const refusals: readonly Refusal[] = [
  [
    'columns of an image',
    () => permuteColumns(x(2, 3, 4)),
    ShapeError,
    '[permuteColumns] input is f32[2, 3, 4]; expected f32[B, K]',
  ],
  [
    'the gradient of a shuffle',
    () => {
      const leaf = x(2, 3);
      return gradient(sum(permuteColumns(leaf)), [leaf]);
    },
    ShapeError,
    '[permuteColumns] has no gradient: shuffled samples train a discriminator, for which they are data; use stopGradient',
  ],
  // tensors
  ['an axis of 0', () => x(3, 0), ShapeError, '[input] shape is [3, 0]; every size must be an integer >= 1'],
  ['a fraction', () => x(1.5), ShapeError, '[input] shape is [1.5]; every size must be an integer >= 1'],
  ['no axes', () => x(), ShapeError, '[input] shape is []; tensors have 1 to 4 axes'],
  [
    'five axes',
    () => x(1, 1, 1, 1, 1),
    ShapeError,
    '[input] shape is [1, 1, 1, 1, 1]; tensors have 1 to 4 axes',
  ],
  [
    'too many elements',
    () => noise([2 ** 16, 2 ** 15]),
    ShapeError,
    '[noise] f32[65536, 32768] has more than 2^30 elements; split the batch',
  ],
  [
    'reshape to another count',
    () => reshape(x(2, 3), [4]),
    ShapeError,
    '[reshape] input is f32[2, 3]; f32[4] needs 4 elements',
  ],
  [
    'two weights of one name',
    () => {
      const set = new ParameterSet();
      set.add('w', [1]);
      set.add('w', [2]);
    },
    SpecError,
    '[w] two weights have this name; names must differ',
  ],
  // matmul
  [
    'matmul of a vector',
    () => matmul(x(3), x(3, 2)),
    ShapeError,
    '[matmul] a is f32[3], b is f32[3, 2]; both need 2 axes',
  ],
  ...(
    [
      ['NN', [2, 3], [4, 5], '3 and 4'],
      ['TN', [2, 3], [4, 5], '2 and 4'],
      ['NT', [2, 3], [5, 4], '3 and 4'],
    ] as const
  ).map(([transposition, a, b, sizes]): Refusal => [
    `matmul ${transposition} of other inner sizes`,
    () => matmul(x(...a), x(...b), transposition),
    ShapeError,
    `[matmul] a is f32[${a.join(', ')}] and b is f32[${b.join(', ')}] (${transposition}); the inner sizes ${sizes} differ`,
  ]),
  // elementwise
  [
    'add of shapes that do not broadcast',
    () => add(x(2, 3), x(2)),
    ShapeError,
    '[add] f32[2, 3] and f32[2] do not broadcast; sizes must be equal or 1, aligned at the last axis',
  ],
  [
    'multiply by a constant of another shape',
    () => multiply(x(2, 3), constant([4], 2)),
    ShapeError,
    '[binary] f32[2, 3] and f32[4] do not broadcast; sizes must be equal or 1, aligned at the last axis',
  ],
  [
    'broadcastTo a smaller shape',
    () => broadcastTo(x(2, 3), [3]),
    ShapeError,
    '[broadcastTo] f32[2, 3] does not broadcast to f32[3]',
  ],
  [
    'an activation that does not exist',
    () => checkActivation('swish', 'encoder.0'),
    SpecError,
    "[encoder.0] activation is 'swish'; expected one of identity, relu, leakyRelu, sigmoid, tanh, softplus, silu, gelu",
  ],
  [
    'the gradient of trigamma',
    () => {
      const y = x(3);
      return gradient(sum(unary('trigamma', y)), [y]);
    },
    ShapeError,
    '[trigamma] has no gradient; logGamma can be differentiated twice; write an objective that needs no third derivative',
  ],
  // sums and windows
  [
    'a sum over axes apart',
    () => sum(x(2, 3, 4), [0, 2]),
    ShapeError,
    '[sum] axes are [0, 2] of f32[2, 3, 4]; pass neighbouring axes',
  ],
  [
    'a sum over an axis that is not there',
    () => sum(x(2, 3), [2]),
    ShapeError,
    '[sum] axes are [2] of f32[2, 3]; pass neighbouring axes',
  ],
  [
    'a sum over a negative axis',
    () => sum(x(2, 3), [-1]),
    ShapeError,
    '[sum] axes are [-1] of f32[2, 3]; pass neighbouring axes',
  ],
  [
    'a sum over no axis',
    () => sum(x(2), []),
    ShapeError,
    '[sum] axes are [] of f32[2]; pass neighbouring axes',
  ],
  [
    'a table of other numbers',
    () => table([2, 2], new Float32Array(3)),
    ShapeError,
    '[table] got 3 values; f32[2, 2] needs 4',
  ],
  [
    'a triangular matrix of one element',
    () => triangular(x(2, 1), x(2, 1), x(2, 1)),
    ShapeError,
    '[triangular] rows are f32[2, 1]; expected f32[S * 2, K] with K of 2 or more',
  ],
  [
    'triangular rows that are no whole batches',
    () => triangular(x(2, 3), x(2, 3), x(3, 3)),
    ShapeError,
    '[triangular] rows are f32[3, 3]; expected f32[S * 2, K] with K of 2 or more',
  ],
  [
    'a triangular matrix of another size',
    () => triangular(x(2, 3), x(2, 6), x(2, 3)),
    ShapeError,
    "[triangular] v is f32[2, 3], diagonal f32[2, 3], lower f32[2, 6]; expected f32[B, 3] and f32[B, 3] of the same B, which divides v's rows",
  ],
  [
    'an outer product of two shapes',
    () => triangularOuter(x(2, 3), x(2, 4), 2),
    ShapeError,
    '[triangularOuter] a is f32[2, 3], b f32[2, 4]; expected one shape',
  ],
  [
    'a logSumExp over axes apart',
    () => logSumExp(x(2, 3, 4), [0, 2]),
    ShapeError,
    '[logSumExp] axes are [0, 2] of f32[2, 3, 4]; pass neighbouring axes',
  ],
  [
    'a slice past the end',
    () => slice(x(2, 5), 1, 3, 3),
    ShapeError,
    '[slice] [3, 6) of axis 1 leaves f32[2, 5]',
  ],
  [
    'a slice before the start',
    () => slice(x(5), 0, -1, 2),
    ShapeError,
    '[slice] [-1, 1) of axis 0 leaves f32[5]',
  ],
  [
    'an empty slice',
    () => slice(x(5), 0, 1, 0),
    ShapeError,
    '[window] start 1 and length 0 must be integers, length >= 1',
  ],
  [
    'a slice from half an element',
    () => slice(x(5), 0, 0.5, 2),
    ShapeError,
    '[window] start 0.5 and length 2 must be integers, length >= 1',
  ],
  [
    'a pad of an axis that is not there',
    () => pad(x(2), 1, 1, 0),
    ShapeError,
    '[window] axis 1 of f32[2] does not exist',
  ],
  ['a concat of nothing', () => concat([], 0), ShapeError, '[concat] got no tensors; pass one or more'],
  [
    'a concat of other widths',
    () => concat([x(2, 3), x(4, 3), x(4, 5)], 0),
    ShapeError,
    '[concat] tensors are f32[2, 3], f32[4, 3], f32[4, 5]; expected the same sizes but along axis 0',
  ],
  [
    'a concat along an axis that is not there',
    () => concat([x(2, 3), x(2, 3)], 2),
    ShapeError,
    '[concat] tensors are f32[2, 3], f32[2, 3]; expected the same sizes but along axis 2',
  ],
  // choices
  [
    'the lowest of a vector',
    () => lowest(x(5)),
    ShapeError,
    '[lowest] input is f32[5]; expected rows f32[R, C]; reshape() it',
  ],
  [
    'one-hot rows of no class',
    () => oneHot(x(5), 0),
    SpecError,
    '[oneHot] classes is 0; expected an integer >= 1',
  ],
  [
    'one-hot rows of five axes',
    () => oneHot(x(2, 2, 2, 2), 3),
    ShapeError,
    '[oneHot] shape is [2, 2, 2, 2, 3]; tensors have 1 to 4 axes',
  ],
  [
    'codewords of another width',
    () => nearest(x(5, 3), x(8, 4)),
    ShapeError,
    '[matmul] a is f32[5, 3] and b is f32[8, 4] (NT); the inner sizes 3 and 4 differ',
  ],
  // images
  [
    'depthToSpace of rows',
    () => depthToSpace(x(2, 8), 2),
    ShapeError,
    '[depthToSpace] input is f32[2, 8]; expected images f32[B, H, W, C]; reshape() it',
  ],
  [
    'depthToSpace of 6 channels by 2',
    () => depthToSpace(x(1, 2, 3, 6), 2),
    ShapeError,
    '[depthToSpace] input is f32[1, 2, 3, 6]; blocks of 2 x 2 need a multiple of 4 channels',
  ],
  [
    'depthToSpace by 0',
    () => depthToSpace(x(1, 2, 3, 4), 0),
    SpecError,
    '[depthToSpace] the block size is 0; expected an integer >= 1',
  ],
  [
    'spaceToDepth of 5 columns by 2',
    () => spaceToDepth(x(1, 4, 5, 1), 2),
    ShapeError,
    '[spaceToDepth] input is f32[1, 4, 5, 1]; blocks of 2 x 2 need a height and width that are multiples of 2; pad() the image',
  ],
  [
    'upsample by one and a half',
    () => upsample(x(1, 2, 2, 1), 1.5),
    SpecError,
    '[upsample] factor is 1.5; expected an integer >= 1',
  ],
  [
    'maxPool of rows',
    () => maxPool(x(2, 8), { kernel: 2 }),
    ShapeError,
    '[maxPool] input is f32[2, 8]; expected images f32[B, H, W, C]; reshape() it',
  ],
  [
    'a kernel of 0',
    () => sumPool(x(1, 4, 4, 1), { kernel: [2, 0] }),
    SpecError,
    '[sumPool] the kernel size is 0; expected an integer >= 1',
  ],
  [
    'a stride of 0',
    () => averagePool(x(1, 4, 4, 1), { kernel: 2, stride: 0 }),
    SpecError,
    '[averagePool] stride is 0; expected an integer >= 1',
  ],
  [
    'negative padding',
    () => averagePool(x(1, 4, 4, 1), { kernel: 2, padding: -1 }),
    SpecError,
    '[averagePool] padding is -1; expected an integer >= 0',
  ],
  [
    'padding beyond half the kernel',
    () => maxPool(x(1, 4, 4, 1), { kernel: 3, padding: [1, 2] }),
    SpecError,
    '[maxPool] padding is 2 for a kernel of 3; at most half the kernel, or a window would be empty',
  ],
  [
    'a kernel beyond the image',
    () => maxPool(x(1, 4, 7, 1), { kernel: 7, padding: 1 }),
    ShapeError,
    '[maxPool] the kernel of 7 is larger than the image (4) and its padding (1 on each side); make it smaller',
  ],
  ...[1, -0.1, Number.NaN].map((rate): Refusal => [
    `a dropout rate of ${rate}`,
    () => dropout(x(3), rate, 0),
    SpecError,
    `[dropout] rate is ${rate}; expected the dropped share, at least 0 and below 1`,
  ]),
  [
    'attention of another number of keys',
    () => attention(x(2, 9, 4), x(2, 8, 4), x(2, 9, 4)),
    ShapeError,
    '[attention] q, k and v are f32[2, 9, 4], f32[2, 8, 4], f32[2, 9, 4]; expected one shape f32[B, P, C]; reshape() images to B x H*W x C',
  ],
  [
    'attention of images',
    () => attention(x(2, 3, 3, 4), x(2, 3, 3, 4), x(2, 3, 3, 4)),
    ShapeError,
    '[attention] q, k and v are f32[2, 3, 3, 4], f32[2, 3, 3, 4], f32[2, 3, 3, 4]; expected one shape f32[B, P, C]; reshape() images to B x H*W x C',
  ],
  // convolutions
  [
    'a convolution of rows',
    () => conv2d(x(2, 25), x(3, 3, 1, 8)),
    ShapeError,
    '[conv] input is f32[2, 25]; expected images f32[B, H, W, C]; reshape() it',
  ],
  [
    'a weight of two axes',
    () => conv2d(x(2, 5, 5, 1), x(9, 8)),
    ShapeError,
    '[conv] weight is f32[9, 8]; expected f32[9, 8, channels, output channels]; reshape() it',
  ],
  [
    'a convolution of other channels',
    () => conv2d(x(8, 28, 28, 3), x(4, 4, 1, 32)),
    ShapeError,
    '[conv] input is f32[8, 28, 28, 3]; the weight expects 1 channel (f32[4, 4, 1, 32]); make it f32[4, 4, 3, 32]',
  ],
  [
    'a kernel higher than the padded image',
    () => conv2d(x(1, 2, 9, 1), x(5, 3, 1, 1), { padding: [1, 1, 0, 0] }),
    ShapeError,
    '[conv] the kernel is 5x3 and the padded image 4x9; use a smaller kernel or more padding',
  ],
  [
    'a kernel wider than the padded image',
    () => conv2d(x(1, 9, 2, 1), x(3, 5, 1, 1), { padding: [0, 0, 2, 0] }),
    ShapeError,
    '[conv] the kernel is 3x5 and the padded image 9x4; use a smaller kernel or more padding',
  ],
  ...([0, 1.5, [1, 0], [2], [1, 2, 3]] as const).map((stride): Refusal => [
    `a convolution with a stride of ${String(stride)}`,
    () => conv2d(x(1, 5, 5, 1), x(3, 3, 1, 1), { stride: stride as number }),
    ShapeError,
    `[conv] stride is ${[stride, ...(typeof stride === 'number' ? [stride] : [])].flat().join('x')}; expected integers of at least 1`,
  ]),
  ...([-1, 0.5, NaN, [1, 1], [1, 1, 1, -1], 'valid', 'full'] as const).map((padding): Refusal => [
    `a convolution with a padding of ${String(padding)}`,
    () => conv2d(x(1, 5, 5, 1), x(3, 3, 1, 1), { padding: padding as number }),
    ShapeError,
    `[conv] padding is ${String(padding)}; ${paddingExpected}`,
  ]),
  [
    'an input gradient of another size',
    () => convInputGradient(x(2, 4, 3, 8), x(3, 3, 1, 8), geometry),
    ShapeError,
    "[conv] y's gradient is f32[2, 4, 3, 8]; the geometry expects f32[2, 3, 3, 8]; pass the convolution's own",
  ],
  [
    'an input gradient of other output channels',
    () => convInputGradient(x(2, 3, 3, 6), x(3, 3, 1, 8), geometry),
    ShapeError,
    "[conv] y's gradient is f32[2, 3, 3, 6]; the geometry expects f32[2, 3, 3, 8]; pass the convolution's own",
  ],
  [
    'an input gradient with the weight of another kernel',
    () => convInputGradient(x(2, 3, 3, 8), x(2, 3, 1, 8), geometry),
    ShapeError,
    '[conv] weight is f32[2, 3, 1, 8]; expected f32[3, 3, channels, output channels]; reshape() it',
  ],
  [
    'a weight gradient of another image',
    () => convWeightGradient(x(2, 5, 6, 1), x(2, 3, 3, 8), geometry),
    ShapeError,
    "[conv] x is f32[2, 5, 6, 1]; the geometry expects f32[2, 5, 5, 1]; pass the convolution's own",
  ],
  [
    'a weight gradient of another batch',
    () => convWeightGradient(x(2, 5, 5, 1), x(3, 3, 3, 8), geometry),
    ShapeError,
    "[conv] y's gradient is f32[3, 3, 3, 8]; the geometry expects f32[2, 3, 3, 8]; pass the convolution's own",
  ],
  [
    'a weight gradient of rows',
    () => convWeightGradient(x(2, 5, 5, 1), x(18, 8), geometry),
    ShapeError,
    "[conv] y's gradient is f32[18, 8]; the geometry expects f32[2, 3, 3, 1]; pass the convolution's own",
  ],
  // the model's ops
  [
    'a latent of 0',
    () => reparameterize(x(2, 6), { ...attributes, latent: 0 }),
    SpecError,
    '[reparameterize] latent is 0; expected an integer >= 1',
  ],
  [
    'half a sample',
    () => reparameterize(x(2, 6), { ...attributes, samples: 0.5 }),
    SpecError,
    '[reparameterize] samples is 0.5; expected an integer >= 1',
  ],
  [
    'moments of another width',
    () => reparameterize(x(2, 7), attributes),
    ShapeError,
    '[reparameterize] moments are f32[2, 7]; a diagonal posterior of latent 3 needs f32[B, 6]',
  ],
  [
    'isotropic moments of another width',
    () => reparameterize(x(2, 6), { ...attributes, posterior: 'isotropic' }),
    ShapeError,
    '[reparameterize] moments are f32[2, 6]; a isotropic posterior of latent 3 needs f32[B, 4]',
  ],
  [
    'noise for another number of samples',
    () => reparameterize(x(2, 6), attributes, x(2, 3)),
    ShapeError,
    '[reparameterize] noise is f32[2, 3]; expected f32[4, 3]',
  ],
  [
    'a prediction of another width',
    () => likelihood('bernoulli', x(4, 5), x(4, 6)),
    ShapeError,
    '[likelihood] prediction is f32[4, 5] and x is f32[4, 6]; expected f32[S*B, D] and f32[B, D]',
  ],
  [
    'predictions for half a batch',
    () => likelihood('bernoulli', x(3, 5), x(2, 5)),
    ShapeError,
    '[likelihood] prediction is f32[3, 5] and x is f32[2, 5]; expected f32[S*B, D] and f32[B, D]',
  ],
  [
    'a scale a row',
    () => likelihood('gaussian', x(4, 5), x(4, 5), x(4, 1)),
    ShapeError,
    '[likelihood] the gaussian log scale is f32[4, 1]; expected f32[1], f32[D] or f32[S*B, D] with D = 5',
  ],
  [
    'terms of other lengths',
    () => objective(x(4), x(5), rowWeights(4, 1)),
    ShapeError,
    '[objective] terms and weights are f32[4], f32[5], f32[4], f32[4]; expected four f32[R]',
  ],
  [
    'an empty data set',
    () => gather({ ...data, rows: 0 }),
    SpecError,
    '[gather] the data set has 0 rows; expected 1 to 2^31 - 1',
  ],
  [
    'an empty batch',
    () => gather({ ...data, batch: 0 }),
    ShapeError,
    '[gather] shape is [0, 3]; every size must be an integer >= 1',
  ],
  // norms
  [
    'groups that do not divide the channels',
    () => groupNorm(x(2, 4, 4, 8), x(8), x(8), { groups: 3 }),
    SpecError,
    '[groupNorm] groups is 3; input is f32[2, 4, 4, 8]; choose a divisor of its 8 channels',
  ],
  [
    'no groups',
    () => groupNorm(x(2, 8), x(8), x(8), { groups: 0 }),
    SpecError,
    '[groupNorm] groups is 0; input is f32[2, 8]; choose a divisor of its 8 channels',
  ],
  [
    'a norm of a vector',
    () => layerNorm(x(8), x(8), x(8)),
    ShapeError,
    '[layerNorm] input is f32[8]; expected f32[B, ..., C] of 2 to 4 axes; reshape it',
  ],
  [
    'gamma of another length',
    () => layerNorm(x(2, 8), x(2), x(8)),
    ShapeError,
    '[layerNorm] gamma is f32[2]; expected f32[8]',
  ],
  [
    'beta of another shape',
    () => groupNorm(x(2, 8), x(8), x(1, 8), { groups: 1 }),
    ShapeError,
    '[groupNorm] beta is f32[1, 8]; expected f32[8]',
  ],
  [
    'an epsilon of 0',
    () => layerNorm(x(2, 8), x(8), x(8), { epsilon: 0 }),
    SpecError,
    '[layerNorm] epsilon is 0; expected a number in (0, 1)',
  ],
  [
    'running statistics without the count of batches',
    () => batchNorm(x(2, 8), x(8), x(8), x(16), { training: false }),
    ShapeError,
    '[batchNorm] running is f32[16]; expected f32[17]',
  ],
  [
    'a momentum of 2',
    () => batchNorm(x(2, 8), x(8), x(8), x(17), { training: true, momentum: 2 }),
    SpecError,
    '[batchNorm] momentum is 2; expected a number in [0, 1]',
  ],
  [
    'a batch that does not divide the rows',
    () => batchNorm(x(6, 8), x(8), x(8), x(17), { training: true, batch: 4 }),
    SpecError,
    '[batchNorm] batch is 4; input is f32[6, 8]; pass a divisor of its rows',
  ],
  [
    'batch statistics of one value',
    () => batchNorm(x(1, 1, 1, 8), x(8), x(8), x(17), { training: true }),
    ShapeError,
    '[batchNorm] input is f32[1, 1, 1, 8], one value a channel, whose variance is 0; train with 2 rows or more',
  ],
  [
    'running statistics that are no state of the plan',
    () => {
      const y = batchNorm(x(2, 1), x(1), x(1), x(3), { training: true });
      return makePlan({ label: 'plan', outputs: { y } }, 'gpu');
    },
    ShapeError,
    "[normalize] writes to f32[3] of input; pass it in the plan's state",
  ],
  // gradients
  [
    'the gradient of a vector',
    () => gradient(x(3), []),
    ShapeError,
    '[gradient] loss is f32[3]; pass a scalar f32[1] (sum it first)',
  ],
  [
    'a cotangent of another shape',
    () => vectorJacobian([x(3)], [constant([4], 1)], []),
    ShapeError,
    '[gradient] cotangent f32[4] does not match f32[3] of input; a backward rule is wrong',
  ],
  [
    'the gradient of reported terms',
    () => {
      const kl = x(4);
      const { terms } = objective(x(4), kl, rowWeights(4, 1));
      return gradient(sum(terms), [kl]);
    },
    ShapeError,
    '[objective] its terms are for reports; differentiate the loss instead',
  ],
];

for (const [what, call, type, message] of refusals)
  test(`${what} is refused`, () => {
    let error: unknown;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(type);
    expect(error).toBeInstanceOf(VaeError);
    expect((error as VaeError).message).toBe(message);
    expect((error as VaeError).name).toBe(type.name);
  });

type Accepted = readonly [what: string, build: () => Tensor, shape: readonly number[]];

const accepted: readonly Accepted[] = [
  ['a product of single elements', () => matmul(x(1, 1), x(1, 1)), [1, 1]],
  ['a transposed product', () => matmul(x(3, 2), x(3, 4), 'TN'), [2, 4]],
  ['a product with a transposed factor', () => matmul(x(2, 3), x(4, 3), 'NT'), [2, 4]],
  ['new leading axes', () => binary('maximum', x(3), x(2, 1, 3)), [2, 1, 3]],
  ['both operands repeated', () => add(x(2, 1), x(1, 3)), [2, 3]],
  ['a sum of everything', () => sum(x(2, 3)), [1]],
  ['a sum that keeps its axes', () => sum(x(2, 3, 4), [1, 2], true), [2, 1, 1]],
  ['a sum over an axis of 1 is a view', () => sum(x(2, 1), [1]), [2]],
  ['a logSumExp that keeps its axes', () => logSumExp(x(2, 3, 4), [0, 1], true), [1, 1, 4]],
  ['sumTo undoes a broadcast', () => sumTo(x(2, 5, 3), [5, 1]), [5, 1]],
  ['a slice of everything', () => slice(x(2, 5), 1, 0, 5), [2, 5]],
  ['a scale for every element', () => likelihood('laplace', x(4, 5), x(2, 5), x(4, 5)), [4]],
  ['blocks of one pixel', () => depthToSpace(x(1, 2, 3, 5), 1), [1, 2, 3, 5]],
  ['channels to pixels', () => depthToSpace(x(1, 2, 3, 18), 3), [1, 6, 9, 2]],
  ['pixels to channels', () => spaceToDepth(x(1, 2, 4, 3), 2), [1, 1, 2, 12]],
  ['a group of one number', () => groupNorm(x(1, 4), x(4), x(4), { groups: 4 }), [1, 4]],
  ['layerNorm of an image', () => layerNorm(x(2, 3, 3, 4), x(4), x(4)), [2, 3, 3, 4]],
  ['windows that leave pixels out', () => maxPool(x(1, 5, 7, 2), { kernel: 2 }), [1, 2, 3, 2]],
  [
    'padding of half the kernel',
    () => sumPool(x(1, 2, 2, 1), { kernel: 4, stride: 1, padding: 2 }),
    [1, 3, 3, 1],
  ],
  ['a kernel as large as the image', () => conv2d(x(2, 3, 4, 5), x(3, 4, 5, 6)), [2, 1, 1, 6]],
  [
    'zeros around a single pixel',
    () => conv2d(x(2, 1, 1, 1), x(4, 4, 1, 2), { stride: 2, padding: 'same' }),
    [2, 1, 1, 2],
  ],
  ['a stride past the image', () => conv2d(x(1, 5, 5, 1), x(3, 3, 1, 1), { stride: [7, 1] }), [1, 1, 3, 1]],
  ['a transposed convolution', () => convInputGradient(x(2, 3, 3, 8), x(3, 3, 1, 8), geometry), [2, 5, 5, 1]],
  ['a data set of one row', () => gather({ ...data, rows: 1 }), [2, 3]],
];

for (const [what, build, shape] of accepted)
  test(`${what} is accepted`, () => {
    expect(build().shape).toEqual(shape);
  });

test('an op without a backward does not compile', () => {
  const cost = { flops: 0, bytesRead: 0, bytesWritten: 0 };
  // @ts-expect-error The line below must be a compile error, which `tsc` checks: there is no backward.
  const incomplete: OpDefinition<null> = {
    name: 'half',
    shapes: () => [],
    cost: () => cost,
    forward: () => [],
  };
  const whole: OpDefinition<null> = { ...incomplete, backward: { none: 'this op is a test' } };
  expect(whole.backward).toEqual({ none: 'this op is a test' });
});

test('what is known beforehand is not computed', () => {
  const y = x(2, 3);
  expect(add(y, constant([3], 0))).toBe(y);
  expect(add(constant([1], 0), y)).toBe(y);
  expect(multiply(y, constant([2, 3], 1))).toBe(y);
  expect(affine(y, 1, 0)).toBe(y);
  expect(dropout(y, 0, 3)).toBe(y);
  expect(sum(constant([2, 3], 0.5), [0]).node.attributes).toMatchObject({ value: 1, shape: [3] });
  expect(add(constant([2], 0), x(1)).shape, 'zeros that widen a tensor stay').toEqual([2]);
});

test('a loss that does not depend on a target has a gradient of zeros', () => {
  const [y, z] = [x(3), x(2, 2)];
  const [byY, byZ] = gradient(sum(unary('exp', y)), [y, z]);
  expect(byY!.shape).toEqual([3]);
  expect(byZ!.node.attributes).toEqual({ value: 0, shape: [2, 2] });
});
