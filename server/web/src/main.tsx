// Opens the core and hands it to the screens.

import { openCore } from './core/open'
import './styles/index.css'
import { mount } from './ui/mount'

const root = document.getElementById('app')
if (root) void openCore().then(core => mount(core, root))
