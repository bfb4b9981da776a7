// What the screens may know of the core: every state as a signal, every deed as a function.
//
// A deed that captures resolves only once the change is in storage for good: a screen says "saved"
// then and not before. Nothing here waits for the network except where it says so. Expected
// outcomes are values; a promise that rejects is a fault of the program.

import type { ReadonlySignal } from '@preact/signals'

import type { Kind, Label, Level, Policy } from './definitions/kind'
import type { Fault, Verdict as Checked } from './definitions/check'
import type { Scan } from './scan'

export type { Kind, Label, Level, Policy, Code, Field, Member, FieldType } from './definitions/kind'
export type { Fault } from './definitions/check'
export type { Scan, CardFields } from './scan'

export type Millis = number
export type RecordId = string
/** `grid:0731` */
export type Place = string
/** A place, or a place and a day: `checkpoint:S17@2026-11-22` */
export type Scope = string
export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value }
/** By field name, or `map/<entry uuid>` for an entry of a map; each value whole. */
export type Fields = { readonly [field: string]: Value }

// ---- people on this phone ----

/** A person on this phone: one device of their own at the centre, with an outbox of its own. */
export type PersonId = number

export type Access =
  | 'unenrolled' // captures; what is captured belongs to the first enrolment completed here
  | 'enrolling' // a code was entered, the centre has not answered yet
  | 'enrolled'
  | 'needs_code' // the centre does not know the token any more; captures go on
  | 'revoked' // taken out of use: pushes are taken and kept aside, nothing comes back
  | 'blocked' // stopped by the centre; captures stay here and can be exported

export interface Person {
  readonly id: PersonId
  /** What people call them on this phone; may be empty. */
  readonly name: string
  /** `u17` once enrolled. */
  readonly user: string | null
  readonly device: number | null
  readonly access: Access
  readonly hasPin: boolean
  readonly unlocked: boolean
  /** Also of locked people: their outboxes go out too. */
  readonly unsent: number
  readonly oldestUnsent: Millis | null
}

/** A place where the person has a role. */
export interface HeldPlace {
  readonly place: Place
  readonly name: string
  readonly by_day: boolean
  readonly roles: readonly string[]
}

export type Enrolment =
  | { readonly outcome: 'enrolled'; readonly person: PersonId }
  /** The code was somebody else's: they are a person of their own on this phone now, and on duty. */
  | { readonly outcome: 'other_person'; readonly person: PersonId }
  /** The code is worth nothing: ask for another. */
  | { readonly outcome: 'refused'; readonly code: string }
  /** No network: it goes on by itself; `person.access` tells. */
  | { readonly outcome: 'later' }

export type Unlocking =
  | { readonly outcome: 'unlocked' }
  | { readonly outcome: 'wrong'; readonly waitMs: number }

/** What stays the same from one passer to the next. */
export interface Shift {
  readonly place: Place
  readonly direction: 'in' | 'out' | 'transit'
  readonly destination: string
  /** Counts passers, asks no names. */
  readonly tally: boolean
  readonly since: Millis
}

// ---- upload state ----

export type Phase =
  | 'idle' // nothing to do until `nextAt`
  | 'sending'
  | 'waiting' // the last request found no answer, or the centre told to wait
  | 'no_code' // unenrolled or token not known
  | 'blocked'

/** What needs somebody: entries that came back `invalid`, are kept aside, or lost to later ones. */
export interface Hand {
  readonly entry: number
  readonly record: RecordId
  readonly kind: string | null
  readonly verdict: 'merged' | 'parked' | 'invalid'
  /** An open list; see docs/protocol.md. */
  readonly code: string | null
  /** Where in the change, as `set.measurement`. */
  readonly path: string | null
  /** For `merged`: the fields that lost. */
  readonly fields: readonly string[]
  /** What was captured, for `parked` and `invalid`. */
  readonly set: Fields | null
  /** What the one button does: open the form with these values, or take it off the list. */
  readonly fix: 'mend' | 'dismiss'
}

export interface Upload {
  readonly unsent: number
  readonly oldestUnsent: Millis | null
  readonly lastContact: Millis | null
  /** The proof of the protocol, never a guess: show "all sent, all current" only on this. */
  readonly allSentAllCurrent: boolean
  readonly phase: Phase
  /** While `sending`: changes in the request under way. */
  readonly inFlight: number
  /** By the phone's clock; null when only a person can help. */
  readonly nextAt: Millis | null
  /** The code of a refusal that only a newer program can mend. */
  readonly fault: string | null
  readonly needsHand: readonly Hand[]
  /** New records that wait until somebody says where they belong: see `placeAll`. */
  readonly unplaced: number
  /** Server minus phone, as far as it is known. */
  readonly clockOffset: Millis | null
}

// ---- what blocks (one page each; captured entries stay safe and exportable in all) ----

export type Block =
  | { readonly block: 'revoked' }
  | { readonly block: 'blocked' }
  | { readonly block: 'needs_code' }
  /** Entries still go out; nothing comes back until the app is newer. */
  | { readonly block: 'app_too_old'; readonly code: string | null }
  | { readonly block: 'clock_off'; readonly offset: Millis }
  /** Nothing can be saved any more; export, then free some room. */
  | { readonly block: 'storage_full' }
  /** The database does not answer: entries go to the journal. `journal` says how many are there. */
  | { readonly block: 'storage_broken'; readonly journal: number }
  /** The app was opened in another tab, which is the live one now. `takeOver` brings it back. */
  | { readonly block: 'elsewhere' }

export interface Storage {
  /** The browser promised not to evict it; null where it cannot say. */
  readonly persisted: boolean | null
  readonly usage: number | null
  readonly quota: number | null
  readonly level: 'ok' | 'low' | 'full'
  readonly journal: number
}

// ---- capture and what is on screen ----

export interface NewRecord {
  readonly kind: string
  readonly set: Fields
  /** Where it is to live; for a kind under a parent leave it out. */
  readonly place?: Place
  readonly parent?: RecordId
  /** Only for ids derived from something, else one is made. */
  readonly record?: RecordId
}

export type Captured =
  | {
      readonly outcome: 'saved'
      readonly entry: number
      readonly record: RecordId
      /** The rules that hold; alert and urgent ones make it abnormal. */
      readonly abnormal: readonly Judgement[]
      /** Undo works until then; the entry is taken back, or struck out if it was sent already. */
      readonly undoUntil: Millis
      /** `journal`: the database failed and it is in the emergency journal. */
      readonly kept: 'database' | 'journal'
    }
  | { readonly outcome: 'refused'; readonly code: string; readonly path: string }
  /** No room, or no storage at all: NOT saved. */
  | { readonly outcome: 'not_saved'; readonly why: 'storage_full' | 'storage_broken' | 'elsewhere' }

export interface Judgement {
  readonly code: string
  readonly level: Level
  readonly label: Label
  readonly advice: Label | null
}

export interface Conflict {
  readonly value: Value
  readonly time: Millis
  readonly by: string
}

export type Standing = 'confirmed' | 'taken' | 'parked' | 'invalid' | 'pending'

/** A record as this person sees it. */
export interface RecordView {
  readonly record: RecordId
  readonly kind: string
  readonly parent: RecordId | null
  readonly scope: Scope | null
  readonly place: Place | null
  readonly fields: Fields
  readonly standing: Standing
  /** When first written: by the server's reckoning once confirmed, else by the phone. */
  readonly time: Millis
  readonly by: string | null
  /** Made on this phone by this person. */
  readonly own: boolean
  readonly conflicts: { readonly [field: string]: readonly Conflict[] }
  readonly abnormal: readonly string[]
  readonly flags: readonly string[]
  readonly isVoid: boolean
}

export interface Household {
  readonly view: RecordView
  /** Entries of the map `members`: id and what stands there. */
  readonly members: readonly { readonly id: string; readonly fields: Fields }[]
  /** Newest first, void ones left out. */
  readonly visits: readonly RecordView[]
  readonly today: 'unvisited' | 'visited' | 'nobody' | 'abnormal'
  /** Building and unit, for grouping; and what to sort doors by. */
  readonly stair: string
  readonly door: string
}

export interface Grid {
  readonly place: Place
  readonly name: string
  readonly households: readonly Household[]
  /** Wall time of the request that brought it last; null before the first. */
  readonly asOf: Millis | null
  /** Everything up to a snapshot is here. */
  readonly complete: boolean
}

/** Somebody the phone remembers. */
export interface Recall {
  readonly name: string | null
  readonly phone: string | null
  readonly plate: string | null
  readonly document: string | null
  readonly number: string | null
  readonly lastSeen: Millis
  readonly times: number
  /** Fields of a registration that are the same as last time, ready to fill in. */
  readonly fields: Fields
  /** Masked for this person: for show, the fields must be typed. */
  readonly masked: boolean
}

// ---- settings and the app itself ----

export interface Settings {
  readonly language: 'zh' | 'en' | null
  readonly textSize: 0 | 1 | 2
  readonly contrast: boolean
  readonly sound: boolean
  readonly vibration: boolean
  readonly leftHand: boolean
  /** Minutes without a touch after which who has a PIN is locked; 0 for never. */
  readonly lockAfter: 0 | 2 | 5 | 15
}

/** What this browser can and cannot do: the gate decides what to say about it. */
export interface Gate {
  readonly secure: boolean
  readonly indexedDb: boolean
  readonly serviceWorker: boolean
  readonly crypto: boolean
  readonly camera: boolean
  /** `wechat`, `alipay`, `dingtalk`…: an app's own browser, which keeps nothing. */
  readonly inApp: string | null
  readonly ios: boolean
  readonly standalone: boolean
}

export interface Rescue {
  readonly file: File
  /** Changes in it, of everybody on this phone. */
  readonly changes: number
}

export interface Core {
  readonly version: string

  // people
  readonly persons: ReadonlySignal<readonly Person[]>
  /** Who is on duty here; null while everybody is locked. */
  readonly person: ReadonlySignal<Person | null>
  readonly places: ReadonlySignal<readonly HeldPlace[]>
  readonly shift: ReadonlySignal<Shift | null>
  /** On duty from here on, if nobody else is. */
  addPerson(name: string): Promise<PersonId>
  renamePerson(person: PersonId, name: string): Promise<void>
  /** Of the person on duty. Waits for the network at most some seconds, then says `later`. */
  enrol(code: string): Promise<Enrolment>
  setPin(pin: string): Promise<void>
  unlock(person: PersonId, pin: string): Promise<Unlocking>
  /** Everybody with a PIN is locked; outboxes go on being sent. */
  lock(): void
  beginShift(shift: Omit<Shift, 'since'>): Promise<void>
  endShift(): Promise<void>
  /** Refused (false) while something is unsent or kept for a centre that may lose it. */
  removePerson(person: PersonId): Promise<boolean>

  // definitions
  /** By name: the centre's newest, the bundled ones before. */
  readonly kinds: ReadonlySignal<{ readonly [name: string]: Kind }>
  readonly policy: ReadonlySignal<Policy>
  judge(kind: string, fields: Fields): readonly Judgement[]
  /** What is wrong with what was typed, and what is only odd. */
  check(kind: string, fields: Fields): Checked
  /** One value by itself, as `check('registration', 'person.phone', …)` while it is typed. */
  checkValue(kind: string, path: string, value: Value): Fault | null

  // capture
  capture(entry: NewRecord): Promise<Captured>
  /** Changes fields of a record that is on screen. `shown`: the view that was on screen. */
  edit(shown: RecordView, set: Fields): Promise<Captured>
  /** Strikes a record out, with a reason. */
  strikeOut(shown: RecordView, reason: string): Promise<Captured>
  /** `removed`: it never left the phone. `struck_out`: it had been sent. `too_late`: five seconds are over. */
  undo(entry: number): Promise<'removed' | 'struck_out' | 'too_late'>
  /** Sends what came back `invalid` or is kept aside again, whole, with these values. */
  mend(entry: number, set: Fields, place?: Place): Promise<Captured>
  dismiss(entry: number): Promise<void>
  /** Everything unplaced belongs to this place, and may be sent. */
  placeAll(place: Place): Promise<void>

  // forms that are half typed: kept for who is on duty, sealed, and there again after the program has ended
  draft(form: string): Fields | null
  /** Null once the form is empty or what it became is saved. */
  keepDraft(form: string, fields: Fields | null): void

  // what is on screen; all of it changes when this number does
  readonly revision: ReadonlySignal<number>
  view(record: RecordId): RecordView | null
  /** Newest first. `own`: made here. */
  views(filter: { kind?: string; place?: Place; own?: boolean; limit?: number }): readonly RecordView[]
  grids(): readonly Grid[]
  /** At least two characters of a phone's tail, a plate, a name or a document's tail. At most `limit`. */
  recall(typed: string, limit?: number): readonly Recall[]
  /** The same person registered here within `withinMs`, if any. */
  registeredLately(fields: Fields, withinMs: number): RecordView | null
  readScan(text: string): Scan

  // upload
  readonly upload: ReadonlySignal<Upload>
  /** The button: what waits for its turn goes now. */
  hurry(): void
  rescue(): Promise<Rescue | 'no_key'>
  /** Asks the centre; needs the network. */
  lookUp(of: { phone?: string; identity?: string; plate?: string }, purpose: string): Promise<
    | { readonly outcome: 'found'; readonly place: string; readonly time: Millis; readonly fields: Fields; readonly abnormal: readonly string[] }
    | { readonly outcome: 'nobody' }
    | { readonly outcome: 'no_answer' }
  >

  // the phone
  readonly blocks: ReadonlySignal<readonly Block[]>
  readonly storage: ReadonlySignal<Storage>
  askToPersist(): Promise<boolean | null>
  /** This tab becomes the live one. */
  takeOver(): Promise<void>
  readonly settings: ReadonlySignal<Settings>
  set(settings: Partial<Settings>): Promise<void>
  readonly gate: Gate

  // a newer version of the app
  readonly update: ReadonlySignal<'none' | 'ready'>
  /** Takes it as soon as nothing is being sent and no form is dirty. */
  applyUpdate(): void
  /** A screen with unsaved typing says so; an update then waits. */
  setDirty(dirty: boolean): void
}

/** How the core is opened: `open(window)` of `./open`, or `fake()` of `./fake` while drawing screens. */
export type Open = () => Promise<Core>
