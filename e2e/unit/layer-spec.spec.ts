/**
 * Plan: specifications of layers, without a GPU.
 * | axis      | control               | cases                                                                        |
 * | fields    | every default         | each field of each type of layer: missing, of another kind, out of its range |
 * | fit       | presets               | layers that do not fit what comes before, in residuals, the decoder's end    |
 * | files     | presets               | JSON and back, a second time, changes nothing; each can be built              |
 */
import { expect, test } from '@playwright/test';
import { SpecError } from '../../src/gpu/errors.js';
import { Model } from '../../src/vae/model.js';
import { presets, type PresetName } from '../../src/vae/presets.js';
import { completeSpec } from '../../src/vae/spec.js';

const activations = 'identity, relu, leakyRelu, sigmoid, tanh, softplus, silu, gelu';
const types =
  'dense, conv, deconv, activation, groupNorm, layerNorm, batchNorm, averagePool, maxPool, upsample, dropout, ' +
  'attention, residual, flatten, reshape, own';

/** The message that refuses a model of 8x6x4 images with these layers, without its `[spec.`. */
function refusal(encoder: unknown, decoder: unknown = []): string {
  try {
    const model = new Model(completeSpec({ input: [8, 6, 4], latent: 3, encoder, decoder }));
    return `accepted, ${model.width} numbers`;
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    const { message } = error as SpecError;
    expect(message).toMatch(/^\[spec\./);
    return message.slice('[spec.'.length);
  }
}

const good = {
  dense: { type: 'dense', units: 3 },
  conv: { type: 'conv', channels: 3, kernel: 3 },
  deconv: { type: 'deconv', channels: 3 },
  activation: { type: 'activation', activation: 'relu' },
  groupNorm: { type: 'groupNorm', groups: 2 },
  layerNorm: { type: 'layerNorm' },
  batchNorm: { type: 'batchNorm' },
  averagePool: { type: 'averagePool', kernel: 2 },
  maxPool: { type: 'maxPool', kernel: 2 },
  upsample: { type: 'upsample', factor: 2 },
  dropout: { type: 'dropout', rate: 0.5 },
  attention: { type: 'attention' },
  residual: { type: 'residual', layers: [] },
  flatten: { type: 'flatten' },
  reshape: { type: 'reshape', shape: [192] },
};

const integer = (limit: number, least = 1): string => `expected an integer from ${least} to ${limit}`;
const fraction = 'expected a number of at least 0 and below 1';
const pair = 'expected one number or [height, width]';
const paddings = "expected 'same', a number, or [top, bottom, left, right]";
const names = `expected one of ${activations}`;

/** Every field: values that are refused, as their place and the rest of the message. */
const fields: [keyof typeof good, field: string, value: unknown, says: string][] = [
  ['dense', 'units', undefined, `.units] is undefined; ${integer(65536)}`],
  ['dense', 'units', 2.5, `.units] is 2.5; ${integer(65536)}`],
  ['dense', 'activation', 'swish', `.activation] activation is 'swish'; ${names}`],
  ['dense', 'activation', 3, `.activation] activation is '3'; ${names}`],
  ['conv', 'channels', 0, `.channels] is 0; ${integer(65536)}`],
  ['conv', 'kernel', undefined, `.kernel] is undefined; ${integer(64)}`],
  ['conv', 'kernel', [3, 0], `.kernel[1]] is 0; ${integer(64)}`],
  ['conv', 'kernel', [3, 3, 3], `.kernel] is [3,3,3]; ${pair}`],
  ['conv', 'stride', 17, `.stride] is 17; ${integer(16)}`],
  ['conv', 'padding', -1, `.padding] is -1; ${integer(64, 0)}`],
  ['conv', 'padding', 'valid', `.padding] is "valid"; ${paddings}`],
  ['conv', 'padding', [1, 1], `.padding] is [1,1]; ${paddings}`],
  ['conv', 'padding', [0, 0, 0, 65], `.padding[3]] is 65; ${integer(64, 0)}`],
  ['conv', 'activation', null, `.activation] activation is 'null'; ${names}`],
  [
    'conv',
    'bias',
    false,
    "] has the unknown field 'bias'; it may have type, channels, kernel, stride, padding, activation",
  ],
  ['deconv', 'channels', '3', `.channels] is "3"; ${integer(65536)}`],
  ['deconv', 'factor', 17, `.factor] is 17; ${integer(16)}`],
  ['deconv', 'kernel', 65, `.kernel] is 65; ${integer(64)}`],
  ['deconv', 'padding', {}, `.padding] is {}; ${paddings}`],
  ['deconv', 'crop', 1, '.crop] is 1; expected [rows, columns]'],
  ['deconv', 'crop', [0, -1], `.crop[1]] is -1; ${integer(64, 0)}`],
  ['deconv', 'activation', 'none', `.activation] activation is 'none'; ${names}`],
  [
    'deconv',
    'stride',
    2,
    "] has the unknown field 'stride'; it may have type, channels, factor, kernel, padding, crop, activation",
  ],
  ['activation', 'activation', undefined, `.activation] activation is 'undefined'; ${names}`],
  ['groupNorm', 'groups', undefined, `.groups] is undefined; ${integer(65536)}`],
  ['groupNorm', 'epsilon', 1, `.epsilon] is 1; ${fraction}`],
  ['layerNorm', 'epsilon', -1e-5, `.epsilon] is -0.00001; ${fraction}`],
  ['layerNorm', 'groups', 2, "] has the unknown field 'groups'; it may have type, epsilon, activation"],
  ['batchNorm', 'momentum', 1, `.momentum] is 1; ${fraction}`],
  ['batchNorm', 'epsilon', 'small', `.epsilon] is "small"; ${fraction}`],
  ['batchNorm', 'activation', 'x', `.activation] activation is 'x'; ${names}`],
  ['averagePool', 'kernel', undefined, `.kernel] is undefined; ${integer(64)}`],
  ['averagePool', 'stride', [2, 0], `.stride[1]] is 0; ${integer(16)}`],
  ['averagePool', 'padding', 33, `.padding] is 33; ${integer(32, 0)}`],
  ['maxPool', 'kernel', [], `.kernel] is []; ${pair}`],
  ['maxPool', 'stride', 0, `.stride] is 0; ${integer(16)}`],
  ['maxPool', 'padding', 'same', `.padding] is "same"; ${integer(32, 0)}`],
  ['upsample', 'factor', undefined, `.factor] is undefined; ${integer(16)}`],
  ['dropout', 'rate', 1, `.rate] is 1; ${fraction}`],
  ['dropout', 'rate', undefined, `.rate] is undefined; ${fraction}`],
  ['attention', 'heads', 2, "] has the unknown field 'heads'; it may have type"],
  ['residual', 'layers', undefined, '.layers] is undefined; expected a list of at most 256 layers'],
  ['residual', 'layers', [{ type: 'conv' }], `.layers[0].channels] is undefined; ${integer(65536)}`],
  ['residual', 'activation', [], `.activation] activation is '[]'; ${names}`],
  ['flatten', 'shape', [1], "] has the unknown field 'shape'; it may have type"],
  ['reshape', 'shape', undefined, '.shape] is undefined; expected [height, width, channels] or [size]'],
  ['reshape', 'shape', [16, 12], '.shape] is [16,12]; expected [height, width, channels] or [size]'],
  ['reshape', 'shape', [0], `.shape[0]] is 0; ${integer(2 ** 20)}`],
];

test.describe('fields', () => {
  for (const [type, layer] of Object.entries(good))
    test(`${type}: the control is accepted`, () => {
      expect(refusal([layer])).toBe('accepted, 192 numbers');
    });
  for (const [type, field, value, says] of fields)
    test(`${type}.${field}: ${JSON.stringify(value)}`, () => {
      const before = good.activation;
      expect(refusal([before, { ...good[type], [field]: value }])).toBe(`encoder[1]${says}`);
    });

  test('what is no layer', () => {
    const example = 'expected a layer, such as {"type": "flatten"}';
    expect(refusal([8])).toBe(`encoder[0]] is 8; ${example}`);
    expect(refusal([null])).toBe(`encoder[0]] is null; ${example}`);
    expect(refusal([[]])).toBe(`encoder[0].type] is undefined; expected one of ${types}`);
    expect(refusal([], [{ type: 'toString' }])).toBe(
      `decoder[0].type] is "toString"; expected one of ${types}`,
    );
    expect(refusal(Array(257).fill(good.flatten))).toMatch(/expected a list of at most 256 layers$/);
  });

  test('residuals in residuals without end, as a hostile file may hold them', () => {
    const nested = (depth: number): object =>
      depth === 0 ? good.activation : { type: 'residual', layers: [nested(depth - 1)] };
    expect(refusal([nested(7)])).toBe('accepted, 192 numbers');
    expect(refusal([nested(5000)])).toMatch(
      /^encoder\[0\](\.layers\[0\]){7}\.layers\] is a residual in 7 others; expected fewer; put layers beside each other$/,
    );
  });
});

const fits: Record<string, { encoder?: unknown[]; decoder?: unknown[]; says: string }> = {
  ...Object.fromEntries(
    (
      ['conv', 'deconv', 'averagePool', 'maxPool', 'upsample', 'attention', 'residual', 'flatten'] as const
    ).map((type) => [
      `${type} of a vector`,
      {
        encoder: [good.activation, good.dense, good[type]],
        says: `encoder[2]] ${type} gets a vector [3]; expected an image [height, width, channels]; put a reshape before it`,
      },
    ]),
  ),
  'a kernel too large': {
    encoder: [{ type: 'conv', channels: 3, kernel: [9, 3], padding: 0 }],
    says: 'encoder[0]] conv: the kernel is 9x3 and the padded image 8x6; use a smaller kernel or more padding',
  },
  'a kernel too large for a deconvolution': {
    encoder: [good.averagePool, { type: 'deconv', channels: 3, kernel: 4, padding: 0 }],
    says: 'encoder[1]] deconv: the kernel is 4x4 and the padded image 4x3; use a smaller kernel or more padding',
  },
  'a crop of everything': {
    encoder: [{ type: 'deconv', channels: 3, crop: [1, 12] }],
    says: 'encoder[0]] deconv makes [16, 12] pixels; expected more than its crop [1, 12]; crop less',
  },
  'a pool larger than the image': {
    encoder: [good.conv, { type: 'averagePool', kernel: [2, 7] }],
    says:
      'encoder[1]] averagePool: the kernel of 7 is larger than the image (6) and its padding (0 on each side); ' +
      'make it smaller',
  },
  'a padding that makes empty windows': {
    encoder: [{ type: 'maxPool', kernel: 2, padding: 2 }],
    says: 'encoder[0]] maxPool: padding is 2 for a kernel of 2; at most half the kernel, or a window would be empty',
  },
  'groups that do not divide': {
    encoder: [{ type: 'groupNorm', groups: 3 }],
    says: 'encoder[0]] groupNorm gets 4 channels; expected a multiple of its 3 groups; choose groups that divide 4',
  },
  'a reshape of another size': {
    encoder: [{ type: 'reshape', shape: [8, 6, 5] }],
    says:
      'encoder[0]] reshape gets [8, 6, 4], 192 numbers; expected 240 for [8, 6, 5]; ' +
      'change its shape or the layer before it',
  },
  'a residual that changes the size': {
    encoder: [{ type: 'residual', layers: [{ ...good.conv, stride: 2 }] }],
    says:
      'encoder[0]] residual: its layers make [4, 3, 3] of [8, 6, 4]; expected the same height and width; ' +
      "use stride 1 and padding 'same' in them",
  },
  'a residual that ends in a vector': {
    encoder: [{ type: 'residual', layers: [good.flatten] }],
    says:
      'encoder[0]] residual: its layers make [192] of [8, 6, 4]; expected the same height and width; ' +
      "use stride 1 and padding 'same' in them",
  },
  'a layer in a residual': {
    encoder: [good.conv, { type: 'residual', layers: [good.conv, { type: 'groupNorm', groups: 2 }] }],
    says:
      'encoder[1].layers[1]] groupNorm gets 3 channels; expected a multiple of its 2 groups; ' +
      'choose groups that divide 3',
  },
  'a decoder that ends in another image': {
    decoder: [{ type: 'dense', units: 48 }, { type: 'reshape', shape: [4, 3, 4] }, good.deconv],
    says:
      "decoder[2]] the decoder ends in [8, 6, 3]; expected a datum's shape [8, 6, 4]; " +
      'change its layers, or end in a vector, which gets a dense output',
  },
  'an image layer on the latent': {
    decoder: [good.deconv],
    says: 'decoder[0]] deconv gets a vector [3]; expected an image [height, width, channels]; put a reshape before it',
  },
};

test.describe('layers that do not fit', () => {
  for (const [name, { encoder = [], decoder = [], says }] of Object.entries(fits))
    test(name, () => {
      expect(refusal(encoder, decoder)).toBe(says);
    });
});

const inputs: Record<PresetName, number[][]> = {
  dense: [[784], [28, 28], [28, 28, 1], [5, 7, 3]],
  conv: [
    [28, 28, 1],
    [4, 8, 3],
    [32, 32, 3],
  ],
  'conv-residual': [
    [28, 28, 1],
    [32, 32, 3],
  ],
  'world-models': [
    [64, 64, 3],
    [64, 64, 1],
  ],
};

test.describe('presets', () => {
  for (const [name, shapes] of Object.entries(inputs))
    for (const input of shapes)
      test(`${name} of ${input.join('x')} can be built and survives a file`, () => {
        const spec = completeSpec(presets[name as PresetName]({ input, latent: 3 }));
        expect(spec.latent).toBe(3);
        expect(completeSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
        expect(JSON.stringify(completeSpec(spec))).toBe(JSON.stringify(spec));
        expect(new Model(spec).width).toBe(input.reduce((product, size) => product * size, 1));
      });

  test('every layer survives a file', () => {
    const encoder = Object.values(good);
    const { encoder: complete } = completeSpec({ input: [8, 6, 4], latent: 3, encoder, decoder: [] });
    const again = completeSpec({ input: [8, 6, 4], latent: 3, encoder: complete, decoder: [] });
    expect(JSON.parse(JSON.stringify(again.encoder))).toEqual(complete);
    for (const [i, layer] of encoder.entries()) expect(complete[i]).toMatchObject(layer);
  });

  const refused: [PresetName, number[], string][] = [
    ['conv', [28, 30, 1], 'multiples of 4; scale the images (--size 28x28), or choose the dense preset'],
    ['conv-residual', [3, 4, 1], 'multiples of 4; scale the images (--size 4x4), or choose the dense preset'],
    ['conv', [784], 'multiples of 4; pass images, or choose the dense preset'],
    ['world-models', [32, 32, 3], 'expects [64, 64, channels]; scale the images (--size 64), or choose'],
  ];
  for (const [name, input, says] of refused)
    test(`${name} of ${input.join('x')} is refused with a size that fits`, () => {
      const where = `[spec.input] is [${input.join(', ')}]; the ${name} preset expects`;
      expect(() => presets[name]({ input })).toThrow(where);
      expect(() => presets[name]({ input })).toThrow(says);
    });
});
