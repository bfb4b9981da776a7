// Measures what the app costs a phone of some years: in Chromium, the processor slowed down six times,
// the app as it is built in dist/ and served as the server serves it. node scripts/bench.mjs [unsent]

import { loadavg } from 'node:os'
import { coldStarts } from '../test/bench/cold.mjs'
import { coreFigures } from '../test/bench/core.mjs'
import { figure, missed } from '../test/bench/figures.mjs'
import { saves } from '../test/bench/save.mjs'
import { site } from '../test/bench/site.mjs'
import { upload } from '../test/bench/upload.mjs'
import { warmStarts } from '../test/bench/warm.mjs'

const UNSENT = Number(process.argv[2] ?? 10_000)
const served = await site()
console.log(`processor slowed down 6 times; of this machine ${loadavg()[0].toFixed(1)} processes wanted a processor besides`)
await coldStarts(served, figure)
const phone = await coreFigures(served, UNSENT, figure)
await warmStarts(served, phone, UNSENT, figure)
await saves(served, phone, UNSENT, figure)
await phone.close()
await upload(figure)
served.close()
console.log(missed.length === 0 ? 'every goal is met' : `missed: ${missed.join('; ')}`)
process.exit(missed.length === 0 ? 0 : 1)
