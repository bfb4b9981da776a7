// Words of the app in two languages. `zh-first.ts` and `zh-rest.ts` say which messages there are; a
// message that is missing or left over in English does not compile. The words of the first screens
// come with them in both languages, for a phone that must ask for one waits once more on a bad network;
// all others come with the screens that say them, in the language that is chosen.

import { signal } from '@preact/signals'
import { first as en } from './en-first'
import { first as zh } from './zh-first'
import type { rest } from './zh-rest'

export type First = keyof typeof zh
export type Rest = keyof typeof rest
export type Message = First | Rest
export type Language = 'zh' | 'en'

/** What a definition carries in both languages. */
export interface Label {
  readonly zh: string
  readonly en: string
}

const table = signal<Partial<Record<Message, string>>>(zh)
/** Whether the words of all screens are wanted by now. */
let whole = false

/** The language on screen. */
export const language = signal<Language>('zh')

/** The message, with `{name}` replaced by what is given. Reading it while rendering redraws when the language changes. */
export function t(message: Message, given?: Record<string, string | number>): string {
  const text = table.value[message] ?? ''
  if (!given) return text
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(given[name] ?? whole))
}

/** The text of a definition's label in the language on screen. */
export function say(label: Label): string {
  return label[language.value]
}

const FIRST = { zh, en }
const restOf = async (of: Language) => (of === 'zh' ? await import('./zh-rest') : await import('./en-rest')).rest

/** Sets the language, also for screen readers. */
export async function speak(next: Language): Promise<void> {
  const words = { ...FIRST[next], ...(whole ? await restOf(next) : {}) }
  table.value = words
  language.value = next
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en'
  document.title = t('app.title')
}

/** The words of all screens, in the language on screen and in those to come. */
export async function speakWhole(): Promise<void> {
  whole = true
  const words = await restOf(language.peek())
  table.value = { ...table.value, ...words }
}
