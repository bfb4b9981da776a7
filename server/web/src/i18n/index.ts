// Words of the app in two languages. `zh-CN.ts` says which messages there are; a message that is
// missing or left over in `en.ts` does not compile.

import { signal } from '@preact/signals'
import { en } from './en'
import { zh } from './zh-CN'

export type Message = keyof typeof zh
export type Language = 'zh' | 'en'

/** What a definition carries in both languages. */
export interface Label {
  zh: string
  en: string
}

const TABLES: Record<Language, Record<Message, string>> = { zh, en }

/** The language on screen. Reading it while rendering redraws when it changes. */
export const language = signal<Language>('zh')

/** The message, with `{name}` replaced by what is given. */
export function t(message: Message, given?: Record<string, string | number>): string {
  const text = TABLES[language.value][message]
  if (!given) return text
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(given[name] ?? whole))
}

/** The text of a definition's label in the language on screen. */
export function say(label: Label): string {
  return label[language.value]
}

/** Sets the language, also for screen readers. */
export function speak(next: Language): void {
  language.value = next
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en'
  document.title = t('app.title')
}
