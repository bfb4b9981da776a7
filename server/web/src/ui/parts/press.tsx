// What can be pressed: buttons, chips and rows of chips.

import type { ComponentChildren } from 'preact'
import { Icon, type IconName } from './icon'

export type Tone = 'plain' | 'main' | 'quiet' | 'danger' | 'green' | 'yellow' | 'red'

interface ButtonProps {
  children?: ComponentChildren
  tone?: Tone
  icon?: IconName
  /** The size of the one action of a screen. */
  big?: boolean
  disabled?: boolean
  label?: string
  submit?: boolean
  id?: string
  onPress?: () => void
}

export function Button(props: ButtonProps) {
  const { tone = 'plain', icon, big, disabled, label, submit, id, onPress, children } = props
  return (
    <button
      type={submit ? 'submit' : 'button'}
      class={`button ${tone}${big ? ' big' : ''}`}
      id={id}
      disabled={disabled}
      aria-label={label}
      onClick={onPress}
    >
      {icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  )
}

interface ChipProps {
  children: ComponentChildren
  on?: boolean
  tone?: 'plain' | 'warn'
  label?: string
  disabled?: boolean
  onPress: () => void
}

/** A choice that shows whether it is taken. */
export function Chip({ children, on = false, tone = 'plain', label, disabled, onPress }: ChipProps) {
  return (
    <button
      type="button"
      class={`chip ${tone}${on ? ' on' : ''}`}
      aria-pressed={on}
      aria-label={label}
      disabled={disabled}
      onClick={onPress}
    >
      {children}
    </button>
  )
}

interface ChoiceProps<T extends string> {
  label: string
  options: readonly { code: T; text: string }[]
  value: T | undefined
  /** Whether a second tap on the chosen one takes it back. */
  clear?: boolean
  /** Hides the label from sight where the place makes it plain. */
  bare?: boolean
  onChoose: (code: T | undefined) => void
}

/** One of several, all in sight. */
export function Choice<T extends string>(props: ChoiceProps<T>) {
  const { label, options, value, clear, bare, onChoose } = props
  return (
    <div class="choice" role="group" aria-label={label}>
      {!bare && <span class="name" aria-hidden="true">{label}</span>}
      <div class="chips">
        {options.map((option) => (
          <Chip
            key={option.code}
            on={option.code === value}
            onPress={() => onChoose(clear && option.code === value ? undefined : option.code)}
          >
            {option.text}
          </Chip>
        ))}
      </div>
    </div>
  )
}
