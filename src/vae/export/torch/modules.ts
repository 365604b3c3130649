/** The modules of a network as Python, out of PyTorch's own layers where it has them. */
import type { Activation } from '../../../gpu/ops/activation.js';
import type { Module } from '../network.js';
import { indented, pairOf, tuple } from './python.js';

const activations: Readonly<Record<Activation, string>> = {
  identity: 'nn.Identity()',
  relu: 'nn.ReLU()',
  leakyRelu: 'nn.LeakyReLU(0.01)',
  sigmoid: 'nn.Sigmoid()',
  tanh: 'nn.Tanh()',
  softplus: 'nn.Softplus()',
  silu: 'nn.SiLU()',
  gelu: 'nn.GELU()',
};

/** What PyTorch has no layer for, by the type of module that needs it. */
const classes: Readonly<Partial<Record<Module['type'], string>>> = {
  layerNorm: `
class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of every pixel."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
`,
  attention: `
class Attention(nn.Module):
    """Single-head self-attention over pixels with a residual sum."""

    def __init__(self, channels):
        super().__init__()
        for name in ("query", "key", "value", "output"):
            setattr(self, name, nn.Linear(channels, channels))

    def forward(self, x):
        pixels = x.flatten(2).transpose(1, 2)
        scores = self.query(pixels) @ self.key(pixels).transpose(1, 2) / x.shape[1] ** 0.5
        y = self.output(torch.softmax(scores, -1) @ self.value(pixels))
        return x + y.transpose(1, 2).reshape(x.shape)
`,
  residual: `
class Residual(nn.Module):
    """shortcut(x) + layers(x)."""

    def __init__(self, layers, shortcut=None):
        super().__init__()
        self.layers = layers
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, x):
        return self.shortcut(x) + self.layers(x)
`,
  reorder: `
class Reorder(nn.Module):
    """Numbers in the order (row, column, channel), of an image or a vector, as another image."""

    def __init__(self, source, target):
        super().__init__()
        self.source, self.target = source, target

    def forward(self, x):
        if len(self.source) == 3:
            height, width, channels = self.source
            x = x.reshape(-1, channels, height, width).movedim(1, -1)
        return x.reshape(-1, *self.target).movedim(-1, 1)
`,
};

/** `nn.Sequential(...)`, a module a line with its index. */
export function sequential(modules: readonly Module[]): string {
  if (modules.length === 0) return 'nn.Sequential()';
  const lines = modules.map((module) => `${constructor(module)},`);
  return `nn.Sequential(\n${indented(lines.join('\n'))}\n)`;
}

/** The classes that these modules need. */
export function helperClasses(modules: readonly Module[]): string[] {
  const used = new Set(modules.flatMap(inside).map(helperOf));
  return Object.entries(classes)
    .filter(([type]) => used.has(type as Module['type']))
    .map(([, text]) => text);
}

function inside(module: Module): Module[] {
  return module.type === 'residual' ? [module, ...module.modules.flatMap(inside)] : [module];
}

/** A LayerNorm of a vector is PyTorch's own. */
function helperOf({ type, shape }: Module): Module['type'] | undefined {
  return type === 'layerNorm' && shape.length === 1 ? undefined : type;
}

function constructor(module: Module): string {
  const { shape } = module;
  const channels = shape[0]!;
  const isImage = shape.length === 3;
  switch (module.type) {
    case 'flatten':
      return 'nn.Flatten()';
    case 'unflatten':
      return `nn.Unflatten(1, ${tuple(shape)})`;
    case 'reorder':
      return `Reorder(${tuple(module.from)}, ${tuple(module.to)})`;
    case 'linear':
      return `nn.Linear(${module.inputs}, ${module.units})`;
    case 'conv': {
      const { inputs, kernel, stride, padding } = module;
      return `nn.Conv2d(${inputs}, ${channels}, ${pairOf(kernel)}, stride=${pairOf(stride)}, padding=${pairOf(padding)})`;
    }
    case 'pad': {
      const [top, bottom, left, right] = module.sides;
      return `nn.ZeroPad2d((${left}, ${right}, ${top}, ${bottom}))`;
    }
    case 'pixelShuffle':
      return `nn.PixelShuffle(${module.factor})`;
    case 'upsample':
      return `nn.Upsample(scale_factor=${module.factor})`;
    case 'activation':
      return activations[module.activation];
    case 'groupNorm':
      return `nn.GroupNorm(${module.groups}, ${channels}, eps=${module.epsilon})`;
    case 'layerNorm':
      return `${isImage ? 'ChannelNorm' : 'nn.LayerNorm'}(${channels}, eps=${module.epsilon})`;
    case 'batchNorm':
      return `nn.BatchNorm${isImage ? 2 : 1}d(${channels}, eps=${module.epsilon}, momentum=${module.momentum})`;
    case 'averagePool':
    case 'maxPool': {
      const { kernel, stride, padding } = module;
      return `nn.${module.type === 'maxPool' ? 'Max' : 'Avg'}Pool2d(${pairOf(kernel)}, stride=${pairOf(stride)}, padding=${pairOf(padding)})`;
    }
    case 'dropout':
      return `nn.Dropout(${module.rate})`;
    case 'attention':
      return `Attention(${channels})`;
    case 'residual': {
      const { inputs, modules } = module;
      const shortcut = inputs === undefined ? '' : `, shortcut=nn.Conv2d(${inputs}, ${channels}, 1)`;
      return `Residual(${sequential(modules)}${shortcut})`;
    }
  }
}
