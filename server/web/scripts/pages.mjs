// How the two pages are built: `app` at /app/, `card` at /card/. Names carry no hash, so that a
// rebuilt file is a change of that file; what is new is told by the service worker's version and
// by the server's ETags.

import { fileURLToPath } from 'node:url'
import { bundled } from './bundled.mjs'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const NAMES = ['app', 'card']

/** The oldest browsers that are served: system WebViews in the field are not updated. */
export const TARGET = ['chrome80', 'safari14']

/** Vite's settings for a page. */
export function page(name) {
  return {
    configFile: false,
    root: name === 'app' ? ROOT : `${ROOT}src/card`,
    base: './',
    publicDir: `${ROOT}static/${name}`,
    logLevel: 'warn',
    oxc: { jsx: { importSource: 'preact' } },
    plugins: [bundled()],
    build: {
      outDir: `${ROOT}dist/${name}`,
      emptyOutDir: true,
      target: TARGET,
      cssTarget: TARGET,
      // What is loaded later is loaded by who needs it; the page itself names what it needs first.
      modulePreload: false,
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
