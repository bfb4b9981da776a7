// For the development server and the tests; what is shipped is built by scripts/build.mjs.

export default {
  base: './',
  publicDir: 'static/app',
  oxc: { jsx: { importSource: 'preact' } },
  test: { include: ['test/**/*.test.{ts,tsx}'], environment: 'node', testTimeout: 60_000 },
}
