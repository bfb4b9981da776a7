// For the development server and the tests; what is shipped is built by scripts/build.mjs.

import { bundled } from './scripts/bundled.mjs'

export default {
  plugins: [bundled()],
  base: './',
  publicDir: 'static/app',
  oxc: { jsx: { importSource: 'preact' } },
  test: { include: ['test/**/*.test.{ts,tsx}'], environment: 'node', testTimeout: 60_000 },
}
