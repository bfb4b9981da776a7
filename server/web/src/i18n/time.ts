// Times and amounts in words. Everything here is a pure function of its arguments, "now" included.

import { language, t } from './index'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const two = (n: number): string => (n < 10 ? `0${n}` : String(n))

/** Hours and minutes on the phone's clock: 09:05. */
export function clock(at: number): string {
  const date = new Date(at)
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

/** The local day, as a kind's `date` is written: 2026-11-22. */
export function day(at: number): string {
  const date = new Date(at)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** A moment as people say it: 12:03, yesterday 18:20, 11-20 08:00. */
export function moment(at: number, now: number): string {
  if (day(at) === day(now)) return clock(at)
  if (day(at) === day(now - DAY)) return t('time.yesterday', { clock: clock(at) })
  return `${day(at).slice(5)} ${clock(at)}`
}

/** How long ago, to the coarsest unit that says enough. */
export function ago(at: number, now: number): string {
  const past = Math.max(0, now - at)
  if (past < MINUTE) return t('time.now')
  if (past < HOUR) return t('time.minutes', { n: Math.floor(past / MINUTE) })
  if (past < DAY) return t('time.hours', { n: Math.floor(past / HOUR) })
  return t('time.days', { n: Math.floor(past / DAY) })
}

/** How long from now, in seconds or minutes. */
export function until(at: number, now: number): string {
  const left = Math.max(0, at - now)
  return left < 2 * MINUTE ? t('time.in', { n: Math.ceil(left / 1000) }) : t('time.inMinutes', { n: Math.round(left / MINUTE) })
}

/** A temperature in tenths of a degree, as it is read aloud. */
export function degrees(tenths: number): string {
  return `${Math.floor(tenths / 10)}.${Math.abs(tenths % 10)}`
}

/** Bytes as people read them. */
export function size(bytes: number): string {
  const mega = bytes / 1_048_576
  if (mega >= 1024) return `${Math.round(mega / 1024)} GB`
  return mega < 10 ? `${mega.toFixed(1)} MB` : `${Math.round(mega)} MB`
}

/** A whole number with the language's separators. */
export function count(n: number): string {
  return n.toLocaleString(language.value === 'zh' ? 'zh-CN' : 'en')
}
