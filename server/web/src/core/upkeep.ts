// What is looked after while the app is open: storage that failed is tried again, what is remembered is
// kept, the room that is left is measured.

import type { Drafts } from './drafts.ts'
import type { People } from './people.ts'
import { measureStorage } from './room.ts'
import type { State } from './state.ts'
import { tick } from './sync/replica.ts'

const EVERY_MS = 20_000
/** How soon storage that failed is tried again. */
const MEND_MS = 3_000

export class Upkeep {
  private timer: ReturnType<typeof setInterval> | null = null

  constructor(
    private readonly state: State,
    private readonly people: People,
    private readonly drafts: Drafts,
    private readonly tidy: (now: number) => void,
    private readonly hurry: () => void,
  ) {
    state.broken = () => void setTimeout(() => void this.run(), MEND_MS)
  }

  begin(): void {
    this.timer = setInterval(() => void this.run(), EVERY_MS)
    setTimeout(() => void this.tidyMirror(), EVERY_MS)
    if (typeof addEventListener === 'function') this.listen()
  }

  private listen(): void {
    addEventListener('online', () => this.hurry())
    addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.hurry()
      else {
        void this.drafts.save()
        void this.state.phone.saveMemory().catch(() => undefined)
      }
    })
  }

  /** Takes copies out of the mirror that wait for nothing any more. */
  private async tidyMirror(): Promise<void> {
    const { mirror, people, trouble } = this.state.phone
    const waits = (person: number, entry: number): boolean =>
      people.some(({ row, replica }) => row.id === person && replica.outbox.get(entry)?.shown === 'pending')
    if (trouble === 'none') await mirror.keepOnly(waits)
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
  }

  async run(): Promise<void> {
    const { state } = this
    const { phone } = state
    if (phone.trouble === 'elsewhere') return
    this.tidy(state.now().wall)
    try {
      if (phone.trouble !== 'none' || phone.journal.count() > 0) await this.recover()
      await phone.saveMemory()
    } catch (error) {
      state.failed(error)
    }
    if (phone.onDuty !== null) tick(phone.onDuty.replica, state.now())
    state.storage.value = await measureStorage(phone.trouble === 'full', phone.journal.count())
    state.tell()
  }

  /** Storage that failed is opened anew; what the journal holds goes where it belongs. Until then whoever is on duty stays. */
  private async recover(): Promise<void> {
    const { phone, network } = this.state
    // One that is at it already does it for both: what the second read would be older than what was saved since.
    if (phone.opening !== null) return void (await phone.opening)
    phone.opening = this.reopen().finally(() => { phone.opening = null })
    await phone.opening
    network.engine?.resume()
  }

  private async reopen(): Promise<void> {
    const { phone, definitions } = this.state
    const before = phone.onDuty
    await phone.open(false, definitions)
    // Who locked meanwhile, or handed over, has done so.
    if (before === null || phone.onDuty !== before) return
    const held = phone.people.find(one => one.row.id === before.row.id)
    if (held === before) return
    const key = before.key ?? held?.row.key ?? null
    // Who stood in for people whom nobody could read gives way to them, and to their PIN.
    if (held === undefined || (key === null && held.row.pin !== null)) await this.people.lock()
    else await this.people.goOnDuty(held, key)
  }
}
