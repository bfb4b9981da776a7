/** Between two attempts, where the network failed before the service worker had every file. */
const AGAIN_MS = 3_000

/** Loads a part of the program; where that fails, again and again. */
export async function insist<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await load()
    } catch {
      await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
    }
  }
}
