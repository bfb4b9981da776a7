// The two parts of the bundled definitions, as scripts/bundled.mjs cuts them.

declare module 'bundled:first' {
  const first: { readonly kinds: readonly import('./kind.ts').Kind[]; readonly policy: import('./kind.ts').Policy }
  export default first
}
declare module 'bundled:rest' {
  const rest: { readonly kinds: readonly import('./kind.ts').Kind[]; readonly rule: readonly import('./kind.ts').Rule[] }
  export default rest
}
