// How the two pages are built: `app` at /app/, `card` at /card/. Names carry no hash, so that a
// rebuilt file is a change of that file; what is new is told by the service worker's version and
// by the server's ETags.

import type { InlineConfig } from 'vite'

/** The oldest browsers that are served: system WebViews in the field are not updated. */
export const TARGET = ['chrome80', 'safari14']

export function page(name: 'app' | 'card'): InlineConfig {
  return {
    configFile: false,
    root: name === 'app' ? '.' : 'src/card',
    base: './',
    publicDir: false,
    logLevel: 'warn',
    oxc: { jsx: { importSource: 'preact' } },
    build: {
      outDir: name === 'app' ? 'dist/app' : '../../dist/card',
      emptyOutDir: true,
      target: TARGET,
      cssTarget: TARGET,
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      rolldownOptions: {
        output: {
          entryFileNames: '[name].js',
          chunkFileNames: '[name].js',
          assetFileNames: '[name][extname]',
        },
      },
    },
  }
}

export default {
  base: './',
  oxc: { jsx: { importSource: 'preact' } },
  test: { include: ['test/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
}
