// What is half typed on other pages than the first: behind the lock and there again after it.

import { expect, test } from 'vitest'

import { use } from '../../src/ui/core'
import { Typed, Unsaved } from '../../src/ui/forms/typed'
import { unsaved } from '../../src/ui/unsaved'
import { start, World } from '../core/place'

test('what was typed over a record is there again after the lock and after the end of the program, until it is saved', async () => {
  const world = new World()
  const core = await start(world)
  use(core)
  new Typed('abnormal/r', new Unsaved()).put('recheck', '38')
  await core.setPin('258036')
  await core.lock()
  expect(new Typed('abnormal/r', new Unsaved()).value).toEqual({})
  await core.unlock(1, '258036')
  const again = new Typed('abnormal/r', new Unsaved())
  expect(again.value).toEqual({ recheck: '38' })
  again.put('note', '等待救护车')
  await core.close()
  const later = await start(world)
  use(later)
  await later.unlock(1, '258036')
  const last = new Typed('abnormal/r', new Unsaved())
  expect(last.value).toEqual({ recheck: '38', note: '等待救护车' })
  last.done()
  expect(new Typed('abnormal/r', new Unsaved()).value).toEqual({})
})

test('an update waits for every form with something in it, and for none that has gone', async () => {
  use(await start(new World()))
  const before = unsaved.value
  const [one, other] = [new Unsaved(), new Unsaved()]
  const typed = new Typed('edit/a', one)
  expect(unsaved.value).toBe(before)
  typed.put('note', '一')
  typed.put('note', '一二')
  new Typed('edit/b', other).put('note', '三')
  expect(unsaved.value).toBe(before + 2)
  typed.done()
  one.hold(false)
  expect(unsaved.value).toBe(before + 1)
  other.hold(false)
  expect(unsaved.value).toBe(before)
})
