// Words of the app in two languages. `zh-CN.ts` says which messages there are; a message that is
// missing or left over in `en.ts` does not compile. English is loaded only where it is chosen.

import { signal } from '@preact/signals'
import { zh } from './zh-CN'

export type Message = keyof typeof zh
export type Language = 'zh' | 'en'
export type Table = Record<Message, string>

/** What a definition carries in both languages. */
export interface Label {
  readonly zh: string
  readonly en: string
}

const table = signal<Table>(zh)

/** The language on screen. */
export const language = signal<Language>('zh')

/** The message, with `{name}` replaced by what is given. Reading it while rendering redraws when the language changes. */
export function t(message: Message, given?: Record<string, string | number>): string {
  const text = table.value[message]
  if (!given) return text
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(given[name] ?? whole))
}

/** The text of a definition's label in the language on screen. */
export function say(label: Label): string {
  return label[language.value]
}

/** Sets the language, also for screen readers. */
export async function speak(next: Language): Promise<void> {
  const words = next === 'zh' ? zh : (await import('./en')).en
  table.value = words
  language.value = next
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en'
  document.title = t('app.title')
}
