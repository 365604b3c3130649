/** Estimators and schemes as words of the command line: a name, and what it needs behind colons. */
import { Option } from 'commander';
import { SpecError } from '../../gpu/errors.js';
import type { EstimatorSpec } from '../../vae/estimator-spec.js';
import type { SchemeSpec } from '../../vae/training-plan.js';

/** A scheme of training; hard EM alternates too, and wants codes that are points. */
export type SchemeSetting =
  | { readonly type: 'joint' }
  | {
      readonly type: 'alternating' | 'hard-em';
      readonly encoderSteps: number;
      readonly decoderSteps: number;
    };

/** How a value is typed, what it looks like, and what its parts mean. */
interface Form<T> {
  readonly form: string;
  readonly pattern: RegExp;
  readonly read: (...parts: (string | undefined)[]) => T;
}

const estimatorForms: readonly Form<EstimatorSpec>[] = [
  { form: 'A', pattern: /^A$/, read: () => 'A' },
  { form: 'B', pattern: /^B$/, read: () => 'B' },
  {
    form: 'iwae[:doubly]',
    pattern: /^iwae(:doubly)?$/,
    read: (doubly) => ({ type: 'iwae', doubly: doubly !== undefined }),
  },
  ...(['miwae', 'piwae'] as const).map((type): Form<EstimatorSpec> => ({
    form: `${type}:GROUPS[:doubly]`,
    pattern: new RegExp(`^${type}:(\\d+)(:doubly)?$`),
    read: (groups, doubly) => ({ type, groups: Number(groups), doubly: doubly !== undefined }),
  })),
  {
    form: 'ciwae:MIX',
    pattern: /^ciwae:(\d*\.?\d+)$/,
    read: (mix) => ({ type: 'ciwae', mix: Number(mix) }),
  },
  {
    form: 'score-function[:leave-one-out]',
    pattern: /^score-function(:leave-one-out)?$/,
    read: (baseline) => ({ type: 'score-function', baseline: baseline ? 'leave-one-out' : 'none' }),
  },
];

const schemeForms: readonly Form<SchemeSetting>[] = [
  { form: 'joint', pattern: /^joint$/, read: () => ({ type: 'joint' }) },
  ...(['alternating', 'hard-em'] as const).map((type): Form<SchemeSetting> => ({
    form: `${type}:E:M`,
    pattern: new RegExp(`^${type}:(\\d+):(\\d+)$`),
    read: (encoder, decoder) => ({ type, encoderSteps: Number(encoder), decoderSteps: Number(decoder) }),
  })),
];

export function estimatorOption(): Option {
  return optionOf('--estimator <name>', 'of the bound', estimatorForms, 'piwae:4:doubly').default('B');
}

export function schemeOption(): Option {
  const description = 'what learns in a step; E steps of the encoder, then M of the rest';
  return optionOf('--scheme <name>', description, schemeForms, 'alternating:5:1').default(
    { type: 'joint' },
    'joint',
  );
}

function optionOf<T>(flags: string, description: string, forms: readonly Form<T>[], example: string): Option {
  const listed = forms.map(({ form }) => form).join(', ');
  return new Option(flags, `${description}: ${listed}`).argParser((text) => {
    for (const { pattern, read } of forms) {
      const match = pattern.exec(text);
      if (match) return read(...match.slice(1));
    }
    throw new SpecError(
      flags.split(' ', 1)[0]!,
      `is '${text}'; expected ${listed}; give one of them, such as ${example}`,
    );
  });
}

/** The library's scheme of the command line's. */
export function schemeOf(setting: SchemeSetting): SchemeSpec {
  return setting.type === 'hard-em' ? { ...setting, type: 'alternating' } : (setting as SchemeSpec);
}
