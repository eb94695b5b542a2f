import type { ComponentChildren } from 'preact';
import type { IconName } from '../shell/icon.tsx';
import { Icon } from '../shell/icon.tsx';

export interface ButtonProps {
  /** What it does. With an icon and no children it is read out and shown as a tooltip. */
  readonly label?: string;
  readonly icon?: IconName;
  /** primary: the one action of a panel. */
  readonly kind?: 'primary' | 'normal' | 'quiet';
  readonly type?: 'button' | 'submit';
  readonly disabled?: boolean;
  readonly id?: string;
  readonly onClick?: () => void;
  readonly children?: ComponentChildren;
}

export function Button({
  label,
  icon,
  kind = 'normal',
  type = 'button',
  disabled,
  id,
  onClick,
  children,
}: ButtonProps) {
  return (
    <button
      class="button"
      data-kind={kind}
      {...(id === undefined ? {} : { id })}
      type={type}
      disabled={disabled === true}
      {...(children === undefined ? { 'aria-label': label, title: label } : {})}
      {...(onClick === undefined ? {} : { onClick: () => onClick() })}
    >
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </button>
  );
}
