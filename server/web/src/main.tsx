// Opens the core and hands it to the screens.

import { openCore } from './core/open'
import './styles/tokens.css'
import './styles/base.css'
import './styles/parts.css'
import './styles/screens.css'
import { mount } from './ui/mount'

const root = document.getElementById('app')
if (root) void openCore().then(core => mount(core, root))
