// What a browser lacks, decided from facts alone: pure, so that every case is tested.

import type { Gate } from '../../core/api'
import type { Message } from '../../i18n'

export type Verdict =
  | { readonly open: true }
  /** Nothing would be kept: there is no "go on anyway". */
  | { readonly open: false; readonly lacks: readonly Message[]; readonly hard: boolean }

/** What the browser lacks; pure, so that every case is tested. */
export function judgeGate(gate: Gate): Verdict {
  const hard: Message[] = []
  const soft: Message[] = []
  if (!gate.secure) hard.push('gate.insecure')
  if (!gate.indexedDb) hard.push('gate.noStorage')
  if (gate.secure && !gate.crypto) hard.push('gate.noCrypto')
  if (gate.inApp !== null) soft.push('gate.inApp')
  if (gate.secure && !gate.serviceWorker) soft.push('gate.noOffline')
  if (gate.ios && !gate.standalone && gate.inApp === null) soft.push('gate.ios')
  if (hard.length + soft.length === 0) return { open: true }
  return { open: false, lacks: [...hard, ...soft], hard: hard.length > 0 }
}
