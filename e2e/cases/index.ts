/** Every kernel case, in the order in which they run. */
import { accuracyCases } from './accuracy.js';
import { attentionCases } from './attention.js';
import { binaryCases } from './binary.js';
import type { KernelCase } from './case.js';
import { choiceCases } from './choice.js';
import { convCases } from './conv.js';
import { dropoutCases } from './dropout.js';
import { convFusionCases } from './conv-fusion.js';
import { epilogueCases } from './epilogue.js';
import { gatherCases } from './gather.js';
import { imageCases } from './image.js';
import { likelihoodCases } from './likelihood.js';
import { logSumExpCases } from './log-sum-exp.js';
import { matmulCases } from './matmul.js';
import { moveCases } from './move.js';
import { movingAverageCases } from './moving-average.js';
import { noiseCases } from './noise.js';
import { normalizeCases } from './normalize.js';
import { objectiveCases } from './objective.js';
import { permuteColumnsCases } from './permute-columns.js';
import { poolCases } from './pool.js';
import { reparameterizeCases } from './reparameterize.js';
import { softmaxCases } from './softmax.js';
import { triangularCases } from './triangular.js';
import { unaryCases } from './unary.js';
import { updateCases } from './update.js';

export const kernelCases: readonly KernelCase[] = [
  ...accuracyCases,
  ...unaryCases,
  ...binaryCases,
  ...moveCases,
  ...logSumExpCases,
  ...choiceCases,
  ...triangularCases,
  ...imageCases,
  ...permuteColumnsCases,
  ...poolCases,
  ...noiseCases,
  ...dropoutCases,
  ...gatherCases,
  ...reparameterizeCases,
  ...likelihoodCases,
  ...objectiveCases,
  ...normalizeCases,
  ...softmaxCases,
  ...attentionCases,
  ...updateCases,
  ...movingAverageCases,
  ...matmulCases,
  ...epilogueCases,
  ...convCases,
  ...convFusionCases,
];
