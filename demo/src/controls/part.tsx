/** One part of the specification: its kind as a select, its numbers and choices as fields; they change the draft. */
import { draft, edit } from './draft.js';
import { NumberField, SelectField, type Choice } from './fields.js';
import { completePart, kinds, startOf, type Part, type PartName } from './parts.js';

/** Fields that are one of some words. */
const words: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kernel: { imq: 'IMQ', rbf: 'Gaussian' },
  variant: { I: 'I: of the means', II: 'II: of q(z)' },
  codebook: { loss: 'By a loss', ema: 'Moving averages' },
};

/** A likelihood's scale: one of these, or a fixed number. */
const scales = { learned: 'Learned, one', 'per-pixel': 'Learned, one a pixel', fixed: 'Fixed' };
/** Only a Gaussian's can be made by the decoder. */
const gaussianScales = { ...scales, decoder: 'Of the decoder' };
const FIXED_SCALE = 0.1;

/** The specification's check says which numbers are right. */
const anyNumber = { least: -1e9, most: 1e9 };

interface Changes {
  readonly onChange: (value: unknown) => void;
}

export interface PartProps extends Partial<Changes> {
  readonly name: PartName;
  readonly label: string;
}

export function PartFields({ name, label, onChange = (part) => edit({ [name]: part }) }: PartProps) {
  const value = draft.value.value as Readonly<Record<string, unknown>> | undefined;
  const part = completePart(name, value?.[name]);
  const fields = Object.entries(part ?? {}).filter(([field]) => field !== 'type');
  return (
    <div class="fields">
      <div class="whole">
        <SelectField
          label={label}
          value={part?.type ?? ''}
          choices={choicesOf(kinds[name])}
          onChange={(kind) => onChange(startOf(name, kind))}
        />
      </div>
      {fields.map(([field, content]) => (
        <PartField
          key={`${part!.type} ${field}`}
          part={part!}
          name={field}
          isScale={name === 'likelihood' && field === 'scale'}
          value={content}
          onChange={(changed) => onChange({ ...part, [field]: changed })}
        />
      ))}
    </div>
  );
}

interface PartFieldProps extends Changes {
  readonly part: Part;
  readonly name: string;
  readonly value: unknown;
  readonly isScale: boolean;
}

function PartField({ part, name, value, isScale, onChange }: PartFieldProps) {
  const label = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  if (isScale) return <ScaleField isGaussian={part.type === 'gaussian'} value={value} onChange={onChange} />;
  const known = words[name];
  if (known)
    return <SelectField label={label} value={String(value)} choices={choicesOf(known)} onChange={onChange} />;
  if (typeof value === 'number')
    return <NumberField label={label} value={value} range={anyNumber} onChange={onChange} />;
  return (
    <p class="faint whole">
      {label}: {summary(value)}; the text below says it and can change it
    </p>
  );
}

function ScaleField({
  isGaussian,
  value,
  onChange,
}: Changes & { readonly isGaussian: boolean; readonly value: unknown }) {
  const isFixed = typeof value === 'number';
  return (
    <>
      <SelectField
        label="scale"
        value={isFixed ? 'fixed' : String(value)}
        choices={choicesOf(isGaussian ? gaussianScales : scales)}
        onChange={(chosen) => onChange(chosen === 'fixed' ? FIXED_SCALE : chosen)}
      />
      {isFixed && <NumberField label="fixed at" value={value} range={anyNumber} onChange={onChange} />}
    </>
  );
}

function choicesOf(titles: Readonly<Record<string, string | undefined>>): Choice[] {
  return Object.entries(titles).flatMap(([value, title]) => (title === undefined ? [] : [{ value, title }]));
}

/** What a field holds that is neither a number nor a word: layers, or a weight that changes with the step. */
function summary(value: unknown): string {
  if (Array.isArray(value)) return `${value.length} layers`;
  const { from, to, steps } = value as { from?: number; to?: number; steps?: number };
  return `${from} to ${to} in ${steps?.toLocaleString('en')} steps`;
}
