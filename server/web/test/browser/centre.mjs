// The real server: one district of area 999999 with a checkpoint and two grids, invented people, and
// what an officer can see of it.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ageKey } from './age-key.mjs'
import { folder } from './chromium.mjs'

const ROOT = new URL('../../../../', import.meta.url).pathname
const TARGET = process.env.CARGO_TARGET_DIR ?? `${ROOT}target`
const PASSWORD = 'kadian-tests-of-the-app'
const PAGE = 200
const AREAS = `code,parent,level,name,timezone
9999,,city,示例市,Asia/Shanghai
999999,9999,district,示例区,
999999001,999999,town,第1街道,
999999001001,999999001,village,第1社区,
G01,999999001001,grid,1网格,
G02,999999001001,grid,2网格,
S001,999999,checkpoint,南门卡点,
`
const HOUSEHOLDS = `grid,number,building,unit,room,phone,member_name,relation,member_state
G01,H1,1栋,1单元,101,13800000101,王甲,head,at_home
G01,H2,1栋,1单元,102,13800000102,李乙,head,at_home
G01,H3,1栋,1单元,201,13800000201,张丙,head,at_home
G02,H4,2栋,1单元,101,13800000301,刘丁,head,at_home
`

export function binary() {
  const found = [process.env.KADIAN_BINARY, `${TARGET}/release/kadian`, `${TARGET}/debug/kadian`].find(path => path && existsSync(path))
  if (found === undefined) throw new Error('the server is not built; cargo build --release builds it')
  return found
}

export class Centre {
  process = null
  /** Host and port of the run that stands. */
  address = ''
  session = ''
  backups = 0

  constructor() {
    this.home = folder('centre')
    this.vault = folder('vault')
    this.database = `sqlite://${this.home}/kadian.sqlite`
    const key = ageKey()
    this.recipient = key.recipient
    this.identity = join(this.vault, 'identity')
    writeFileSync(this.identity, `${key.identity}\n`, { mode: 0o600 })
    this.furnish()
  }

  /** Runs a command of the program and returns what it said. */
  kadian(...words) {
    return execFileSync(binary(), ['--database', this.database, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: this.home })
  }

  furnish() {
    const file = (name, text) => {
      const path = join(this.home, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    this.kadian('area', 'import', file('areas.csv', AREAS))
    this.kadian('user', 'add', 'officer', '--name', '示例干部', '--role', 'officer', '--area', '999999', '--password-file', file('password', PASSWORD))
    this.kadian('user', 'add', 'gate', '--name', '示例志愿者', '--role', 'volunteer', '--area', 'S001', '--no-password')
    for (const [leader, grid] of [['leader', 'G01'], ['second', 'G01'], ['heir', 'G02']]) {
      this.kadian('user', 'add', leader, '--name', '示例网格长', '--role', 'grid_leader', '--area', grid, '--no-password')
    }
    this.kadian('household', 'import', file('households.csv', HOUSEHOLDS), '--as', 'officer')
  }

  async start() {
    const words = ['serve', '--database', this.database, '--listen', '127.0.0.1:0', '--set', 'sync.requests_per_minute=0', '--set', `backup.recipient=${this.recipient}`]
    const child = spawn(binary(), words, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.home })
    this.process = child
    this.end = () => child.kill('SIGKILL')
    process.once('exit', this.end)
    this.address = await new Promise((resolve, reject) => {
      let said = ''
      const hear = text => {
        said += text
        const found = /(?:listening|serving)\D*(127\.0\.0\.1:\d+)/.exec(said)
        if (found) resolve(found[1])
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.once('exit', () => reject(new Error(`the server did not start: ${said}`)))
    })
    this.session = ''
    return this
  }

  async stop() {
    const child = this.process
    if (child === null) return
    this.process = null
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGINT')
    await gone
    process.off('exit', this.end)
  }

  /** A code by which a phone is enrolled for somebody. */
  code(login) {
    return JSON.parse(this.kadian('device', 'enrol-code', login, '--json')).code
  }

  /** A backup while the server runs; the name of its file. */
  backup() {
    const file = join(this.vault, `backup-${(this.backups += 1)}.age`)
    this.kadian('backup', '--to', file, '--recipient', this.recipient)
    return file
  }

  /** The database as it was; the server must not be running. */
  restore(file) {
    this.kadian('restore', '--from', file, '--identity', this.identity, '--replace')
  }

  async ask(method, path, body) {
    if (this.session === '' && path !== '/v1/session') {
      this.session = (await this.ask('POST', '/v1/session', { login: 'officer', password: PASSWORD })).token
    }
    const headers = { 'content-type': 'application/json', ...(this.session === '' ? {} : { authorization: `Bearer ${this.session}` }) }
    const answer = await fetch(`http://${this.address}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  /** Every record of a kind that the officer sees. */
  async records(kind) {
    const rows = []
    for (let after; ; ) {
      const page = await this.ask('POST', `/v1/records/${kind}/search`, { limit: PAGE, ...(after === undefined ? {} : { after }) })
      rows.push(...page.rows)
      if (page.next === undefined || page.next === null) return rows
      after = page.next
    }
  }

  /** The names of everybody registered, one for each record. */
  async registered() {
    return (await this.records('registration')).map(row => row.set.person?.name)
  }

  /** What the centre keeps aside. */
  async parked() {
    return (await this.ask('GET', '/v1/parked?limit=200')).rows
  }
}
