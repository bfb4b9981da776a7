// The page on which screens are drawn without a centre: `?state=hands&lang=en`.

import '../../src/styles/index.css'
import { mount } from '../../src/ui/mount'
import { stage } from './stage'
import { STATES } from './states'

const asked = new URLSearchParams(location.search)
const core = stage()
STATES[asked.get('state') ?? 'ordinary']?.(core)
history.replaceState(null, '', location.pathname)
core.settings.value = {
  ...core.settings.value,
  language: asked.get('lang') === 'en' ? 'en' : 'zh',
  contrast: asked.get('theme') === 'night',
  textSize: asked.get('size') === 'huge' ? 2 : 0,
}
Object.assign(window, { stage: core })
mount(core, document.getElementById('app')!)
