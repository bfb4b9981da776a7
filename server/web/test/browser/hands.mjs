// Hands inside the page, faster than messages to the browser: run there before the app, so nothing
// here may refer to anything outside.

export function installHands() {
  const frame = () => new Promise(done => requestAnimationFrame(done))
  const until = async (what, found) => {
    const began = performance.now()
    for (;;) {
      const it = found()
      if (it) return it
      if (performance.now() - began > 15_000) throw new Error(`it did not come to ${what}: ${document.body.innerText.slice(0, 300)}`)
      await frame()
    }
  }
  const all = selector => [...document.querySelectorAll(selector)]
  // What the screen confirms is told as soon as it stands there, not when somebody asks.
  new MutationObserver(() => {
    const said = /^Saved (\S+) /.exec(document.querySelector('.toast-text')?.textContent ?? '')
    if (said && window.lastHeard !== said[1]) {
      window.lastHeard = said[1]
      window.heardSaved?.(said[1])
    }
  }).observe(document, { childList: true, subtree: true, characterData: true })
  window.hands = {
    /** A scanner that poses as a keyboard, then a temperature and the green code. */
    async passer(name, card) {
      await until('the form', () => document.querySelector('.keypad') && document.querySelector('.code.green:not(:disabled)'))
      let scanned = -Infinity
      const fill = await until('the person on screen', () => {
        if (document.querySelector('.person-name')?.textContent === name) return all('.heat .chip').find(one => one.textContent === '36.5')
        // Who sees nothing happen holds the card there once more: the form may have been drawn just now.
        if (performance.now() - scanned > 1_000) {
          scanned = performance.now()
          for (const key of [...card, 'Enter']) window.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
        }
        return null
      })
      fill.click()
      await until('a code that may be tapped', () => document.querySelector('.code.green:not(:disabled):not(.early)'))
      document.querySelector('.code.green').click()
      const answer = await until('an answer', () => window.lastHeard === name || document.querySelector('.sheet .pair .button'))
      // The same telephone a moment ago: it is another person all the same.
      if (answer !== true) {
        all('.sheet .pair .button')[1].click()
        await until('saved', () => window.lastHeard === name)
      }
    },
    async listed() {
      await until('the list', () => document.querySelector('main.records'))
      const more = () => document.querySelector('main.records > .button')
      while (more()) {
        const shown = all('main.records .record').length
        more().click()
        await until('more of the list', () => all('main.records .record').length > shown)
      }
      return all('main.records .record-who').map(one => one.textContent)
    },
  }
}
