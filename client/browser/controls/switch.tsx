export interface SwitchProps {
  readonly label: string;
  /** The present value of what it depends on: "now plugged in". */
  readonly now?: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function Switch({ label, now, checked, onChange }: SwitchProps) {
  return (
    <label class="switch">
      <span>
        {label} {now === undefined ? null : <span class="tiny">{now}</span>}
      </span>
      <input
        type="checkbox"
        role="switch"
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </label>
  );
}
