// The service worker: keeps every file of one version of a page, and serves that page from them
// alone, so that it opens without a network and never mixes two versions.
//
// A new version is fetched whole beside the old one and waits. It takes over only when the page
// says so, which it does when nobody is typing and nothing is being sent.

declare const __VERSION__: string
declare const __FILES__: readonly string[]
declare const __NAME__: string

const worker = globalThis as unknown as ServiceWorkerGlobalScope
const PREFIX = `kadian-${__NAME__}-`
const CACHE = PREFIX + __VERSION__
const scope = () => new URL(worker.registration.scope).pathname

worker.addEventListener('install', event => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE)
      // `reload`: never from the browser's own cache, where an older file may lie.
      await cache.addAll(__FILES__.map(path => new Request(path, { cache: 'reload' })))
    })(),
  )
})

worker.addEventListener('activate', event => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys()
      await Promise.all(names.filter(name => name.startsWith(PREFIX) && name !== CACHE).map(name => caches.delete(name)))
      await worker.clients.claim()
    })(),
  )
})

worker.addEventListener('message', event => {
  if (event.data === 'activate') event.waitUntil(worker.skipWaiting())
})

worker.addEventListener('fetch', event => {
  const url = new URL(event.request.url)
  if (event.request.method !== 'GET' || url.origin !== worker.location.origin || !url.pathname.startsWith(scope())) return
  event.respondWith(
    (async () => {
      const cache = await caches.open(CACHE)
      const key = event.request.mode === 'navigate' ? scope() : url.pathname
      return (await cache.match(key, { ignoreSearch: true })) ?? fetch(event.request)
    })(),
  )
})
