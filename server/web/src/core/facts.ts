// Facts about this browser: what it can do.

import type { Gate } from './api.ts'

const IN_APP: readonly (readonly [RegExp, string])[] = [
  [/MicroMessenger/i, 'wechat'],
  [/AlipayClient/i, 'alipay'],
  [/DingTalk/i, 'dingtalk'],
  [/\bQQ\//i, 'qq'],
  [/Weibo/i, 'weibo'],
  [/aweme|BytedanceWebview/i, 'douyin'],
  [/baiduboxapp/i, 'baidu'],
]

export function gateOf(): Gate {
  const agent = typeof navigator === 'undefined' ? '' : navigator.userAgent
  const scope = globalThis as { indexedDB?: unknown; isSecureContext?: boolean; matchMedia?: (query: string) => { matches: boolean } }
  const ios = /iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1)
  return {
    secure: scope.isSecureContext === true,
    indexedDb: scope.indexedDB !== undefined,
    serviceWorker: typeof navigator !== 'undefined' && 'serviceWorker' in navigator,
    crypto: typeof crypto !== 'undefined' && crypto.subtle !== undefined,
    camera: typeof navigator !== 'undefined' && navigator.mediaDevices?.getUserMedia !== undefined,
    inApp: IN_APP.find(([pattern]) => pattern.test(agent))?.[1] ?? null,
    ios,
    standalone:
      scope.matchMedia?.('(display-mode: standalone)').matches === true ||
      (globalThis.navigator as { standalone?: boolean } | undefined)?.standalone === true,
  }
}

/** A UUID of version 7: ids of one phone arrive in the order in which they were made. */
export function newRecordId(ms: number, random: Uint8Array): string {
  const bytes = random.slice(0, 16)
  for (let at = 0; at < 6; at += 1) bytes[at] = Math.floor(ms / 2 ** (8 * (5 - at))) & 0xff
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
