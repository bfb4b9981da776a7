// A toy centre for the tests of the device side: it keeps records by scope, answers one device by
// the protocol, and can be told to misbehave. It is no model of the server: it merges nothing.

import { add, digestText } from '../../src/core/sync/digest.ts'
import { markOf } from '../../src/core/sync/mark.ts'
import { read, type Fields } from '../../src/core/sync/change.ts'
import { stampBy } from '../../src/core/sync/time.ts'

export interface Kept {
  kind: string
  parent: string | null
  scope: string
  rev: number
  head: number
  stamp: string
  time: number
  by: string
  set: { [name: string]: Fields[string] }
}

export interface Answering {
  readonly status: number
  readonly body: unknown
}

/** Chance out of a thousand, from whoever draws. */
export type Draw = (outOf: number) => number

export class Centre {
  epoch = 1_795_298_400_000
  device = 77_632
  user = 'u17'
  places = ['checkpoint:S17', 'grid:0731', 'grid:0732']
  records = new Map<string, Kept>()
  exits = new Map<string, { scope: string; record: string; head: number; reason: string; to: string | null }>()
  heads = new Map<string, number>()
  marks: string[] = []
  durable = 0
  /** Minutes that the place's time is ahead of UTC: what day a record belongs to. */
  utcOffset = 480
  /** What a restore goes back to. */
  private saved: { marks: string[]; records: Map<string, Kept>; heads: Map<string, number> } | null = null

  constructor(private readonly draw: Draw) {}

  get ack(): number {
    return this.marks.length
  }

  /** Answers the body of a sync request at this server time. */
  answer(body: string, now: number): Answering {
    const [first, ...lines] = body.replace(/\n$/, '').split('\n')
    const envelope = JSON.parse(first!)
    if (envelope.from > this.ack + 1) {
      return problem(409, 'gap', { expected: this.ack + 1, after: this.marks[this.ack - 1] ?? '' })
    }
    if (envelope.from > 1 && envelope.after !== this.marks[envelope.from - 2]) return problem(409, 'fork')
    const verdicts: unknown[] = []
    const own = new Map<string, [number, number][]>()
    const touched = new Map<string, number>()
    lines.forEach((line, at) => {
      const seq = envelope.from + at
      const mark = markOf(seq, line)
      if (seq <= this.ack) return
      this.marks.push(mark)
      const change = read(line)
      if (change === null) return void verdicts.push({ seq, verdict: 'invalid', code: 'lost' })
      const chance = this.draw(1000)
      if (chance < 60) return void verdicts.push({ seq, verdict: 'parked', code: 'out_of_scope' })
      if (chance < 120) return void verdicts.push({ seq, verdict: 'invalid', code: 'type', path: 'set.note' })
      const standing = this.records.get(change.record)
      const parent = change.parent === null ? undefined : this.records.get(change.parent)
      const place = standing?.scope ?? parent?.scope ?? (change.scope === 'checkpoint:S17' ? `${change.scope}@${this.day(now)}` : change.scope)
      if (place === null || place === undefined || (change.base !== null && standing === undefined)) {
        return void verdicts.push({ seq, verdict: 'parked', code: 'waiting' })
      }
      const asked = envelope.pull.find(([scope]: [string]) => scope === place)
      const stamp = stampBy(change.stamp, this.device)
      const exact = standing === undefined ? change.base === null : change.base === standing.rev
      const kept: Kept = standing ?? {
        kind: change.kind, parent: change.parent, scope: place, rev: this.epoch - 1, head: 0, stamp, time: parseInt(stamp.slice(0, 12), 16), by: this.user, set: {},
      }
      kept.rev += 1
      kept.head = this.next(place)
      if (stamp > kept.stamp) kept.stamp = stamp
      Object.assign(kept.set, change.set)
      this.records.set(change.record, kept)
      touched.set(change.record, (touched.get(change.record) ?? 0) + 1)
      if (chance < 180) verdicts.push({ seq, verdict: 'merged', fields: Object.keys(change.set).slice(0, 1) })
      else if (asked === undefined) verdicts.push({ seq, verdict: 'applied', ...(chance >= 500 ? { scope: place } : {}) })
      else if (exact && asked[1] > 0 && envelope.epoch === this.epoch && touched.get(change.record) === 1 && chance < 800) {
        const list = own.get(place)
        if (list === undefined) own.set(place, [[seq, kept.rev]])
        else list.push([seq, kept.rev])
      }
    })
    const ownRecords = new Map<string, Set<string>>()
    const feeds: unknown[] = []
    const dropped: unknown[] = []
    const most = this.draw(4) === 0 ? 3 : 500
    for (const [scope, cursor, , digest] of envelope.pull as [string, number, string, string][]) {
      if (!this.places.includes(scope.split('@')[0]!)) {
        dropped.push({ scope, reason: 'reassigned' })
        continue
      }
      const reset = cursor > 0 && (cursor > this.head(scope) || this.draw(60) === 0)
      const from = reset ? 0 : cursor
      const runs = from === 0 ? [] : (own.get(scope) ?? []).filter(([seq]) => this.isLast(lines[seq - envelope.from]!, touched))
      ownRecords.set(scope, new Set(runs.map(([seq]) => read(lines[seq - envelope.from]!)!.record)))
      const news = [
        ...[...this.records].filter(([, kept]) => kept.scope === scope).map(([record, kept]) => ({ head: kept.head, record, kept })),
        ...[...this.exits.values()].filter(exit => exit.scope === scope && from > 0).map(exit => ({ head: exit.head, record: exit.record, kept: null })),
      ]
        .filter(one => one.head > from)
        .sort((a, b) => a.head - b.head)
      const page = news.slice(0, most)
      const more = page.length < news.length
      const { count, digest: sum } = this.sum(scope)
      const shown = page.filter(one => one.kept !== null && !ownRecords.get(scope)!.has(one.record))
      const onPage = new Set(page.map(one => one.record))
      const rows = shown.map(one => this.row(one.record, one.kept!))
      const exits = page
        .filter(one => one.kept === null)
        .map(one => {
          const { record, reason, to } = this.exits.get(`${scope}/${one.record}`)!
          const asksTo = to !== null && envelope.pull.some(([other]: [string]) => other === to)
          return { record, reason, ...(asksTo ? { to } : {}) }
        })
      const named = page.length > 0 || from === 0 || digest !== sum || reset
      if (!named) continue
      const wrong = this.draw(40) === 0
      feeds.push({
        scope,
        cursor: page.length > 0 ? page[page.length - 1]!.head : Math.max(from, this.head(scope)),
        more,
        ...(reset ? { reset } : {}),
        view: 'v1',
        count: wrong ? count + 1 : count,
        digest: sum,
        lease: scope.includes('@') ? 86_400 : 604_800,
        ...(runs.length > 0 ? { own: runs.filter(([seq]) => onPage.has(read(lines[seq - envelope.from]!)!.record)).map(([seq, rev]) => [seq, seq, rev]) } : {}),
        ...(rows.length > 0 ? { rows } : {}),
        ...(exits.length > 0 ? { exits } : {}),
      })
    }
    this.durable = Math.max(this.durable, this.draw(3) === 0 ? this.ack - this.draw(5) : 0, 0)
    const grants = this.places.join()
    return {
      status: 200,
      body: {
        protocol: 1, epoch: this.epoch, now, schema: 1, policy: 1,
        ack: this.ack, ack_mark: this.marks[this.ack - 1] ?? '', durable: Math.min(this.durable, this.ack), next_in: 300,
        ...(verdicts.length > 0 ? { verdicts } : {}),
        ...(dropped.length > 0 ? { dropped } : {}),
        ...(envelope.grants === grants
          ? {}
          : { grants, places: this.places.map(place => ({ place, name: place, ...(place.startsWith('checkpoint') ? { by_day: true } : {}), roles: ['volunteer'] })) }),
        ...(feeds.length > 0 ? { feeds } : {}),
      },
    }
  }

  /** Another phone writes, a record moves, a purge comes by, a grid is taken away or given back. */
  stir(now: number): void {
    const records = [...this.records]
    const some = records[this.draw(Math.max(1, records.length))]
    const way = this.draw(10)
    if (way < 4 || some === undefined) {
      const scope = [`checkpoint:S17@${this.day(now)}`, 'grid:0731', 'grid:0732'][this.draw(3)]!
      const record = `01a20000-${hex4(this.draw(9))}-7a11-8c21-00000000${hex4(this.draw(0xffff))}`
      const stamp = stampBy(now.toString(16).padStart(12, '0') + '0000', 77_001)
      const known = this.records.get(record)
      const kept = known ?? { kind: 'household', parent: null, scope, rev: this.epoch - 1, head: 0, stamp, time: now, by: 'u23', set: {} }
      kept.rev += 1
      kept.head = this.next(kept.scope)
      kept.stamp = stamp > kept.stamp ? stamp : kept.stamp
      kept.set = { ...kept.set, note: String(this.draw(99)) }
      this.records.set(record, kept)
    } else if (way < 7) this.move(some[0], ['grid:0731', 'grid:0732'][this.draw(2)]!)
    else if (way === 7) {
      this.records.delete(some[0])
      this.leave(some[1].scope, some[0], 'purged', null)
    } else if (way === 8) this.places = this.draw(2) === 0 ? ['checkpoint:S17', 'grid:0731'] : ['checkpoint:S17', 'grid:0731', 'grid:0732']
    else this.saved = { marks: [...this.marks], records: new Map([...this.records].map(([id, kept]) => [id, { ...kept, set: { ...kept.set } }])), heads: new Map(this.heads) }
  }

  move(record: string, to: string): void {
    const kept = this.records.get(record)
    if (kept === undefined || kept.scope === to) return
    this.leave(kept.scope, record, 'moved', to)
    this.exits.delete(`${to}/${record}`)
    kept.scope = to
    kept.head = this.next(to)
  }

  /** Yesterday's copy is put back; nothing given out since is given out again. */
  restore(): boolean {
    if (this.saved === null) return false
    this.epoch += 100_000_000
    this.marks = [...this.saved.marks]
    this.records = new Map([...this.saved.records].map(([id, kept]) => [id, { ...kept, set: { ...kept.set } }]))
    this.heads = new Map()
    this.exits.clear()
    for (const kept of this.records.values()) kept.head = this.next(kept.scope)
    this.durable = Math.min(this.durable, this.ack)
    return true
  }

  private day(now: number): string {
    return new Date(now + this.utcOffset * 60_000).toISOString().slice(0, 10)
  }

  private isLast(line: string, touched: ReadonlyMap<string, number>): boolean {
    return touched.get(read(line)!.record) === 1
  }

  private leave(scope: string, record: string, reason: string, to: string | null): void {
    this.exits.set(`${scope}/${record}`, { scope, record, head: this.next(scope), reason, to })
  }

  private next(scope: string): number {
    const head = this.head(scope) + 1
    this.heads.set(scope, head)
    return head
  }

  private head(scope: string): number {
    return this.heads.get(scope) ?? this.epoch
  }

  private sum(scope: string): { count: number; digest: string } {
    let count = 0
    let digest = 0n
    for (const [record, kept] of this.records) {
      if (kept.scope !== scope) continue
      count += 1
      digest = add(digest, record, kept.rev)
    }
    return { count, digest: digestText(digest) }
  }

  private row(record: string, kept: Kept): unknown {
    const { kind, parent, rev, stamp, time, by, set } = kept
    return { record, kind, ...(parent === null ? {} : { parent }), rev, stamp, time, by, set: { ...set }, ...(this.draw(9) === 0 ? { abnormal: ['fever'] } : {}) }
  }
}

function hex4(n: number): string {
  return n.toString(16).padStart(4, '0')
}

function problem(status: number, code: string, members: object = {}): Answering {
  return { status, body: { type: `/problems/${code}`, title: code, status, code, ...members } }
}
