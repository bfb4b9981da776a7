// A newer version of the app, as if the server had one: another worker, and a page that tells its version.

export function serveNewer(road, version) {
  road.altered.set('/app/sw.js', text => text.replace(/`[0-9a-f]{16}`/, `\`${version}\``))
  road.altered.set('/app/', text => text.replace('<body>', `<body data-version="${version}">`))
}
