/** One of a few, side by side: radio buttons, so that arrow keys work. */
import { useId } from 'preact/hooks';

export interface SegmentedProps<T extends string> {
  /** Read out; shown by whoever uses it, where it is not plain. */
  readonly legend: string;
  readonly options: readonly { readonly value: T; readonly label: string; readonly title?: string }[];
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly disabled?: boolean;
}

export function Segmented<T extends string>({
  legend,
  options,
  value,
  onChange,
  disabled,
}: SegmentedProps<T>) {
  const name = useId();
  return (
    <div class="segmented" role="radiogroup" aria-label={legend}>
      {options.map((option) => (
        <label key={option.value} title={option.title ?? ''}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={disabled === true}
            {...(option.title === undefined ? {} : { 'aria-label': option.title })}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </div>
  );
}
