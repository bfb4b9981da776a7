// Opens the core and hands it to the screens.

import { openCore } from './core/open'
import './styles/index.css'
import { mount } from './ui/mount'

async function start(root: HTMLElement): Promise<void> {
  let stands: () => void = () => undefined
  const drawn = new Promise<void>(resolve => {
    stands = resolve
  })
  await mount(await openCore({ drawn }), root)
  stands()
}

const root = document.getElementById('app')
if (root) void start(root)
