/** A class of Python for src/vae/priors/moments-network.ts: layers, and a Linear `moments` behind them. */
import { elementCount } from '../../../gpu/shape.js';
import { network, type Module } from '../network.js';
import { sequential } from './modules.js';
import { indented } from './python.js';

/** The class, and the modules in it. `words` say what the moments are of. */
export function momentsClass(
  name: string,
  words: string,
  layers: Parameters<typeof network>[0],
  [inputs, latent]: readonly [inputs: number, latent: number],
): { readonly text: string; readonly modules: readonly Module[] } {
  const { modules, shape } = network(layers, { shape: [inputs] }, 'spec.prior');
  const own = sequential(modules).replace(/^nn\.Sequential/, 'super().__init__');
  const flatten = shape.length === 3 ? '        self.flatten = nn.Flatten()\n' : '';
  const text = `
class ${name}(nn.Sequential):
    """${words}; a Sequential runs what it has in order, \`moments\` last."""

    def __init__(self):
${indented(own, 2)}
${flatten}        self.moments = nn.Linear(${elementCount(shape)}, ${2 * latent})
`;
  return { text, modules };
}
