// One-time codes: seven groups of four, by themselves or at the end of the app's address.

const CODE = /(?:^|[#?&]code=)([0-9A-Za-z]{4}(?:-?[0-9A-Za-z]{4}){6})$/

export function codeIn(text: string): string | null {
  return CODE.exec(text.trim())?.[1]?.toUpperCase() ?? null
}
