// A QR code (ISO/IEC 18004) as an element: dark on light in every theme, as cameras want it.
import { svg } from './dom.js'

const BORDER = 4 // modules of white around it

export async function qrCode(text, label) {
  const { encode } = await import('../vendor/uqr/uqr.js')
  const { data, size } = encode(text, { ecc: 'M', border: BORDER })
  const path = data.flatMap((row, y) => row.map((dark, x) => dark ? `M${x} ${y}h1v1h-1z` : '')).join('')
  return svg('svg', { class: 'qr', viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': label, 'shape-rendering': 'crispEdges' },
    svg('rect', { class: 'qr-light', width: size, height: size }), svg('path', { class: 'qr-dark', d: path }))
}
