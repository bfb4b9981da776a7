// The network between a phone and the centre, which a test may spoil: a reverse proxy whose address
// stays while servers come and go, so that the page keeps its origin and with it its storage.

import { Agent, createServer, request as ask } from 'node:http'
import { extname } from 'node:path'

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' }
const LOGIN_PAGE = '<!doctype html><html><head><title>Free Wi-Fi</title></head><body><form><button>Log in</button></form></body></html>'

export class Road {
  /**
   * `open`; `closed`: no connection lives; `portal`: whatever is asked, a page to log in at answers
   * with 200; `redirect`: the same, at another address.
   */
  state = 'open'
  /**
   * What becomes of one request, asked before it goes on: `pass`, `drop` (it never arrives), `cut`
   * (it arrives and is answered, the reply is lost), `tear` (half of the reply comes).
   */
  fate = () => 'pass'
  /** Milliseconds that a reply takes longer. */
  delay = () => 0
  /** Bodies of the server that come changed: by path, from what to what. */
  altered = new Map()
  /** Files that the road itself has, by path. */
  files = new Map()
  /** What was sent to `/v1/sync` with changes in it, and what the replies were. */
  pushes = 0
  cut = 0
  dropped = 0
  torn = 0
  /** While it is set, replies to pushes wait for it. */
  held = null
  /** Numbers asked for by the token of another: what a phone does that lost its database. */
  left = 0

  constructor(centre) {
    this.centre = centre
    this.agent = new Agent({ keepAlive: true })
    this.sockets = new Set()
    this.server = createServer((request, response) => void this.carry(request, response).catch(() => response.destroy()))
    this.server.on('connection', socket => {
      this.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => this.sockets.delete(socket))
      if (this.state === 'closed') socket.destroy()
    })
  }

  async start() {
    await new Promise(resolve => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${this.server.address().port}`
    return this
  }

  /** From here on the network is like that; what was under way is lost where it is no road. */
  becomes(state) {
    this.state = state
    if (state === 'closed') for (const socket of this.sockets) socket.destroy()
  }

  stop() {
    this.agent.destroy()
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }

  async carry(request, response) {
    const body = await bodyOf(request)
    if (this.state === 'closed') return response.destroy()
    if (this.state === 'portal' || request.url === '/captive') {
      return void response.writeHead(200, { 'content-type': 'text/html' }).end(LOGIN_PAGE)
    }
    if (this.state === 'redirect') return void response.writeHead(302, { location: `${this.url}/captive` }).end()
    const own = this.files.get(request.url)
    if (own !== undefined) return void response.writeHead(200, { 'content-type': TYPES[extname(request.url)] }).end(own)
    const syncs = request.url === '/v1/sync'
    const fate = syncs ? this.fate(request) : 'pass'
    if (fate === 'drop') {
      this.dropped += 1
      return response.destroy()
    }
    if (request.url === '/v1/enrol' && request.headers.authorization) this.left += 1
    const reply = await this.forward(request, body)
    if (syncs) {
      this.pushes += 1
      if (this.held !== null) await this.held
    }
    const wait = this.delay()
    if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
    if (this.state === 'closed') return response.destroy()
    if (fate === 'cut') {
      this.cut += 1
      return response.destroy()
    }
    const alter = this.altered.get(request.url.split('?')[0])
    const text = alter === undefined || reply.status !== 200 ? reply.body : Buffer.from(alter(reply.body.toString()))
    const headers = { ...reply.headers, 'content-length': text.length }
    delete headers['transfer-encoding']
    delete headers.connection
    response.writeHead(reply.status, headers)
    if (fate === 'tear') {
      this.torn += 1
      response.write(text.subarray(0, text.length >> 1), () => response.destroy())
      return undefined
    }
    response.end(text)
    return undefined
  }

  forward(request, body) {
    return new Promise((resolve, reject) => {
      const [host, port] = this.centre.address.split(':')
      const headers = { ...request.headers, host: `${host}:${port}` }
      // What is altered must come as text.
      if (this.altered.size > 0) delete headers['accept-encoding']
      if (this.altered.size > 0) delete headers['if-none-match']
      const going = ask({ host, port, method: request.method, path: request.url, headers, agent: this.agent }, async reply => {
        resolve({ status: reply.statusCode, headers: reply.headers, body: await bodyOf(reply).catch(() => Buffer.alloc(0)) })
      })
      going.once('error', reject)
      going.end(body)
    })
  }
}

async function bodyOf(stream) {
  const parts = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}
