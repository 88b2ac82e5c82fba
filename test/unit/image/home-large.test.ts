import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildHomeLayer } from '../../../src/image/home-layer.js'
import { walkHome } from '../../../src/image/home-walk.js'
import { digestLayer } from '../../../src/image/tar-layer.js'
import { heldBytes } from '../../helpers/memory.js'

const MINUTES = 60_000

describe('a home of 100,000 files', () => {
  let home: string

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'home-'))
    for (let folder = 0; folder < 1_000; folder += 1) {
      mkdirSync(join(home, `d${folder}`))
      for (let file = 0; file < 100; file += 1) writeFileSync(join(home, `d${folder}/f${file}`), 'content')
    }
  }, 3 * MINUTES)
  afterAll(() => {
    execFileSync('rm', ['-rf', home])
  }, 3 * MINUTES)

  it(
    'is packed without holding the event loop, in bounded memory',
    async () => {
      const before = heldBytes()
      let [longestMs, last] = [0, performance.now()]
      const timer = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - last)
        last = performance.now()
      }, 10)
      const layer = buildHomeLayer(await walkHome(home), { uid: 200_000, gid: 200_000, links: { bin: 'usr/bin' } })
      const digest = await digestLayer(layer)
      clearInterval(timer)
      expect(digest).toMatch(/^[0-9a-f]{64}$/)
      expect(layer.sizeBytes).toBe(100_000 * 1024 + 1_000 * 512 + 1024)
      expect(longestMs).toBeLessThan(3_000)
      // The layer is over 100 MB; what is kept is the listing.
      expect(heldBytes() - before).toBeLessThan(256 * 1024 * 1024)
    },
    2 * MINUTES,
  )
})
