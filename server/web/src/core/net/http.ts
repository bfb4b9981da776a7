// One exchange with the centre over HTTP: the body compressed where that helps, the answer read
// whole, and whatever is no answer of the centre's told as none.

import type { Answer } from '../sync/answer.ts'

/** How long an exchange may take before it counts as no answer. */
export const PATIENCE_MS = 45_000
/** The centre refuses a body that grows more than 40 times: what compresses better goes plain. */
const MOST_RATIO = 30

export interface Ask {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token: string | null
  readonly type?: string
  readonly body?: string
  readonly mayCompress?: boolean
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export class Http {
  constructor(
    /** Where the centre is: the address that served the app. */
    private readonly base: string,
    private readonly fetch: Fetch,
  ) {}

  /** What came back; null where nothing did, or was cut off. */
  async exchange(ask: Ask): Promise<Answer | null> {
    const aborter = new AbortController()
    const timer = setTimeout(() => aborter.abort(), PATIENCE_MS)
    try {
      const headers: Record<string, string> = {}
      if (ask.token !== null) headers['authorization'] = `Bearer ${ask.token}`
      if (ask.type !== undefined) headers['content-type'] = ask.type
      let body: BodyInit | undefined = ask.body
      if (ask.body !== undefined && ask.mayCompress === true && ask.body.length > 1_024) {
        const raw = new TextEncoder().encode(ask.body)
        const packed = await gzip(raw)
        if (packed !== null && packed.length * MOST_RATIO > raw.length && packed.length < raw.length) {
          headers['content-encoding'] = 'gzip'
          body = packed as BodyInit
        }
      }
      const response = await this.fetch(this.base + ask.path, {
        method: ask.method,
        headers,
        body,
        signal: aborter.signal,
        // A captive portal sends elsewhere: that is no answer.
        redirect: 'manual',
        credentials: 'omit',
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
      })
      if (response.status === 0) return null
      const told = response.headers.get('retry-after')
      const retryAfter = told !== null && /^\d{1,9}$/.test(told.trim()) ? Number(told) : null
      return { status: response.status, retryAfter, body: await response.text() }
    } catch {
      return null
    } finally {
      clearTimeout(timer)
    }
  }
}

export async function gzip(bytes: Uint8Array): Promise<Uint8Array | null> {
  try {
    if (typeof CompressionStream !== 'undefined') {
      const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new CompressionStream('gzip'))
      return new Uint8Array(await new Response(stream).arrayBuffer())
    }
    const { gzipSync } = await import('fflate')
    return gzipSync(bytes)
  } catch {
    return null
  }
}
