// Which language the app speaks.

import type { Core } from '../core/api'
import type { Language } from '../i18n'

/** The phone's own: Chinese where it speaks that, and English everywhere else. */
export function ownLanguage(): Language {
  return navigator.language.startsWith('zh') ? 'zh' : 'en'
}

/** The person's choice, or else the phone's. */
export function chosenLanguage(core: Core): Language {
  return core.settings.value.language ?? ownLanguage()
}
