// Small drawings, by name. They only repeat what the text beside them says, so that screen readers
// skip them.

const PATHS = {
  scan: 'M3 8V4h4M17 4h4v4M21 16v4h-4M7 20H3v-4M3 12h18',
  keys: 'M4 4h4v4H4zM10 4h4v4h-4zM16 4h4v4h-4zM4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4zM10 16h4v4h-4z',
  list: 'M4 6h2M4 12h2M4 18h2M9 6h11M9 12h11M9 18h11',
  send: 'M12 20V5M5 11l7-7 7 7M4 21h16',
  home: 'M4 11l8-7 8 7v9h-6v-6h-4v6H4z',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c1-5 4-7 8-7s7 2 8 7',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2 20c.8-4.5 3.5-6 7-6s6.2 1.5 7 6M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5c2 .8 3.4 2.5 4 5.5',
  back: 'M15 4l-8 8 8 8',
  next: 'M9 4l8 8-8 8',
  close: 'M5 5l14 14M19 5L5 19',
  erase: 'M9 5h12v14H9l-6-7zM12 9l6 6M18 9l-6 6',
  check: 'M4 13l5 5L20 6',
  warn: 'M12 3l10 18H2zM12 10v5M12 18v.5',
  call: 'M5 3h4l2 5-3 2c1 3 3 5 6 6l2-3 5 2v4c0 1-1 2-2 2C11 21 3 13 3 5c0-1 1-2 2-2z',
  find: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM15 15l6 6',
  more: 'M5 12h.5M12 12h.5M19 12h.5',
  lock: 'M6 11h12v10H6zM8 11V7a4 4 0 0 1 8 0v4',
  light: 'M8 3h8v4l-2 3v11h-4V10L8 7zM12 13v2',
  photo: 'M3 7h4l2-3h6l2 3h4v13H3zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z',
  plus: 'M12 4v16M4 12h16',
  minus: 'M4 12h16',
  swap: 'M4 8h15l-4-4M20 16H5l4 4',
  save: 'M12 3v12M6 10l6 6 6-6M4 21h16',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

/** A state as a shape beside its colour: nobody has to tell colours apart. */
export type Shape = 'dot' | 'triangle' | 'square' | 'ring'

export function Mark({ shape }: { shape: Shape }) {
  return (
    <svg class="mark" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {shape === 'dot' && <circle cx="10" cy="10" r="8" />}
      {shape === 'ring' && <circle class="open" cx="10" cy="10" r="7" />}
      {shape === 'triangle' && <path d="M10 1l10 18H0z" />}
      {shape === 'square' && <path d="M2 2h16v16H2z" />}
    </svg>
  )
}
