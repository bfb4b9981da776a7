// A traveller's own card: filled in once, kept on the traveller's phone, shown as a QR code at each
// checkpoint. Works without a network; sends nothing to anybody.

import { signal } from '@preact/signals'
import { render } from 'preact'
import type { CardFields } from '../core/scan'
import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/parts.css'
import '../styles/forms.css'
import './card.css'
import { encodeCard } from './format'
import { Picture } from './picture'
import { word, type Tongue } from './words'

const KEPT = 'kadian.card'
const DAY = 86_400_000
const PARTS = ['name', 'phone', 'number', 'plate', 'origin', 'destination'] as const
type Part = (typeof PARTS)[number]
const NONE: CardFields = { name: '', phone: '', document: '', number: '', plate: '', origin: '', destination: '', made: 0 }

const tongue = signal<Tongue>(navigator.language.startsWith('zh') ? 'zh' : 'en')
const card = signal<CardFields>(read())
const filling = signal(card.value.made === 0)
const wrong = signal<'lack' | 'badPhone' | null>(null)

function read(): CardFields {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? 'null') as { readonly [name: string]: unknown } | null
    if (!kept) return NONE
    const text = (name: Part | 'document'): string => (typeof kept[name] === 'string' ? kept[name] : '')
    const made = typeof kept['made'] === 'number' ? kept['made'] : 0
    return { name: text('name'), phone: text('phone'), document: text('document'), number: text('number'), plate: text('plate'), origin: text('origin'), destination: text('destination'), made }
  } catch {
    return NONE
  }
}

function keep(next: CardFields): void {
  card.value = next
  try {
    localStorage.setItem(KEPT, JSON.stringify(next))
  } catch {
    // The card is good as long as the page is open.
  }
}

function make(event: Event): void {
  event.preventDefault()
  const now = card.value
  const phone = now.phone.replace(/[\s-]/g, '')
  wrong.value = !now.name.trim() || !phone ? 'lack' : /^(1[3-9]\d{9}|0\d{9,11}|\+\d{7,15})$/.test(phone) ? null : 'badPhone'
  if (wrong.value) return
  const number = now.number.trim().toUpperCase()
  keep({ ...now, phone, number, document: /^\d{17}[\dX]$/.test(number) ? 'resident_id' : number ? 'other' : '', plate: now.plate.trim().toUpperCase(), made: Date.now() })
  filling.value = false
}

function forget(): void {
  card.value = NONE
  filling.value = true
  try {
    localStorage.removeItem(KEPT)
  } catch {
    // Nothing was kept where nothing can be removed.
  }
}

function Card() {
  const say = tongue.value
  document.documentElement.lang = say === 'zh' ? 'zh-CN' : 'en'
  document.title = word(say, 'title')
  return (
    <div class="app">
      <header class="bar">
        <div class="bar-title"><h1>{word(say, 'title')}</h1></div>
        <button type="button" class="pill" lang={say === 'zh' ? 'en' : 'zh-CN'} onClick={() => { tongue.value = say === 'zh' ? 'en' : 'zh' }}>{word(say, 'language')}</button>
      </header>
      <main>{filling.value ? <Filling /> : <Showing />}</main>
    </div>
  )
}

function Filling() {
  const say = tongue.value
  return (
    <form onSubmit={make}>
      <p class="note">{word(say, 'text')}</p>
      {PARTS.map(part => (
        <label class="field" key={part}>
          <span class="name">{word(say, part)}</span>
          <input value={card.value[part]} maxLength={60} inputMode={part === 'phone' ? 'tel' : 'text'} autoComplete={part === 'name' ? 'name' : part === 'phone' ? 'tel' : 'off'}
            onInput={event => { card.value = { ...card.value, [part]: event.currentTarget.value } }} />
        </label>
      ))}
      {wrong.value && <p class="note bad" role="alert">{word(say, wrong.value)}</p>}
      <button type="submit" class="button main big">{word(say, 'make')}</button>
    </form>
  )
}

function Showing() {
  const say = tongue.value
  const now = card.value
  const old = Date.now() - now.made > DAY
  const time = new Date(now.made).toLocaleString(say === 'zh' ? 'zh-CN' : 'en', { month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  return (
    <div class="stack">
      <p class="shown-name">{now.name} {now.plate}</p>
      {old ? <p class="note warn" role="alert">{word(say, 'old')}</p> : <Picture text={encodeCard(now)} label={word(say, 'show')} />}
      <p class="shown-valid">{word(say, 'valid', { time })}</p>
      <p class="help">{word(say, 'local')}</p>
      <button type="button" class={`button big ${old ? 'main' : 'plain'}`} onClick={() => { filling.value = true }}>{word(say, 'again')}</button>
      <button type="button" class="button danger" onClick={forget}>{word(say, 'forget')}</button>
    </div>
  )
}

const root = document.getElementById('app')
if (root) render(<Card />, root)
if ('serviceWorker' in navigator) void navigator.serviceWorker.register('./sw.js').catch(() => undefined)
