// Reading a code from a picture: with the browser's own reader where it has one, else with one that
// is loaded only when somebody scans.

interface Detector {
  detect(source: ImageBitmapSource): Promise<{ readonly rawValue: string }[]>
}
declare const BarcodeDetector: { new (options: { formats: string[] }): Detector; getSupportedFormats?(): Promise<string[]> }

export type Reader = (source: HTMLVideoElement | ImageBitmap | HTMLImageElement, width: number, height: number) => Promise<string | null>

/** Longest side that a picture is looked at with; finer only takes longer. */
const SIDE = 720

export async function reader(): Promise<Reader> {
  const own = await detector()
  if (own) {
    return async source => {
      const codes = await own.detect(source)
      return codes[0]?.rawValue ?? null
    }
  }
  const { default: decode } = await import('qr/decode.js')
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d', { willReadFrequently: true })
  return async (source, width, height) => {
    if (!context || width === 0) return null
    const scale = Math.min(1, SIDE / Math.max(width, height))
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    context.drawImage(source, 0, 0, canvas.width, canvas.height)
    try {
      return decode(context.getImageData(0, 0, canvas.width, canvas.height))
    } catch {
      // No code in this picture: the reader says so by throwing.
      return null
    }
  }
}

async function detector(): Promise<Detector | null> {
  if (typeof BarcodeDetector === 'undefined') return null
  try {
    const formats = (await BarcodeDetector.getSupportedFormats?.()) ?? []
    if (!formats.includes('qr_code')) return null
    return new BarcodeDetector({ formats: formats.filter(one => ['qr_code', 'code_128', 'pdf417', 'ean_13'].includes(one)) })
  } catch {
    return null
  }
}
