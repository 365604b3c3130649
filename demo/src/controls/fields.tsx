/** Fields of the controls: a number that says what it refuses, a choice, a slider with its number beside it. */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { outside, type Range } from '../ranges.js';
import type { Scale } from './scales.js';
import './fields.css';

export interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly range: Range;
  readonly onChange: (value: number) => void;
  readonly disabled?: boolean;
  /** What else describes it. */
  readonly describedBy?: string;
  /** For readers alone, where the label stands beside it already. */
  readonly hidesLabel?: boolean;
}

/** A number; what cannot be used stays in the field with a word on it, and the last good one stays in use. */
export function NumberField(props: NumberFieldProps) {
  const { label, value, range, onChange, disabled, describedBy, hidesLabel } = props;
  const [typed, setTyped] = useState<string>();
  const id = useId();
  const problemId = `${id}-problem`;
  const problem = typed === undefined ? undefined : refusal(typed, range);
  const read = (text: string): void => {
    setTyped(text);
    if (refusal(text, range) === undefined) onChange(Number(text));
  };
  return (
    <div class="field">
      <label for={id} class={hidesLabel ? 'unseen' : ''}>
        {label}
      </label>
      <input
        id={id}
        type="number"
        inputMode={range.isWhole ? 'numeric' : 'decimal'}
        step={range.isWhole ? 1 : 'any'}
        min={range.least}
        max={range.most}
        value={typed ?? value}
        disabled={disabled}
        onInput={({ currentTarget }) => read(currentTarget.value)}
        onBlur={() => problem === undefined && setTyped(undefined)}
        aria-invalid={problem !== undefined}
        aria-describedby={[problem && problemId, describedBy].filter(Boolean).join(' ') || undefined}
      />
      {problem && (
        <span class="problem" id={problemId} role="status">
          {problem}; {value} stays in use
        </span>
      )}
    </div>
  );
}

function refusal(text: string, range: Range): string | undefined {
  return outside(text.trim() === '' ? NaN : Number(text), range);
}

export interface Choice {
  readonly value: string;
  readonly title: string;
  readonly disabled?: boolean;
}

export interface SelectFieldProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly Choice[];
  readonly onChange: (value: string) => void;
  readonly disabled?: boolean;
}

/** One of some choices; a value that is none of them is shown as such. */
export function SelectField({ label, value, choices, onChange, disabled }: SelectFieldProps) {
  const id = useId();
  const isKnown = choices.some((choice) => choice.value === value);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      >
        {!isKnown && (
          <option value={value} disabled selected>
            {value || '–'}
          </option>
        )}
        {choices.map((choice) => (
          <option
            key={choice.value}
            value={choice.value}
            disabled={choice.disabled}
            selected={choice.value === value}
          >
            {choice.title}
          </option>
        ))}
      </select>
    </div>
  );
}

export interface SliderProps extends NumberFieldProps {
  readonly scale: Scale;
  readonly children?: ComponentChildren;
}

/** A slider over a bent scale, and the number itself, which may also lie past the slider's end. */
export function Slider({ scale, children, ...field }: SliderProps) {
  const { label, value, onChange, disabled, describedBy } = field;
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={1}
        step={0.01}
        value={scale.toPosition(value)}
        disabled={disabled}
        onInput={({ currentTarget }) => onChange(scale.toValue(currentTarget.valueAsNumber))}
        aria-valuetext={String(value)}
        aria-describedby={describedBy}
      />
      <NumberField {...field} label={`${label}, as a number`} hidesLabel />
      {children}
    </div>
  );
}
