/** Every kernel case, in the order in which they run. */
import { accuracyCases } from './accuracy.js';
import { binaryCases } from './binary.js';
import type { KernelCase } from './case.js';
import { epilogueCases } from './epilogue.js';
import { gatherCases } from './gather.js';
import { likelihoodCases } from './likelihood.js';
import { matmulCases } from './matmul.js';
import { moveCases } from './move.js';
import { noiseCases } from './noise.js';
import { normalizeCases } from './normalize.js';
import { objectiveCases } from './objective.js';
import { reparameterizeCases } from './reparameterize.js';
import { unaryCases } from './unary.js';
import { updateCases } from './update.js';

export const kernelCases: readonly KernelCase[] = [
  ...accuracyCases,
  ...unaryCases,
  ...binaryCases,
  ...moveCases,
  ...noiseCases,
  ...gatherCases,
  ...reparameterizeCases,
  ...likelihoodCases,
  ...objectiveCases,
  ...normalizeCases,
  ...updateCases,
  ...matmulCases,
  ...epilogueCases,
];
