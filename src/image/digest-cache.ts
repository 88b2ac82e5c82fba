/**
 * Remembers digests of content by a fingerprint of the files that it came from, in memory and, with a state folder, on disk,
 * so that unchanged files are not read again.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { IMAGE_FORMAT } from './content-key.js'

/**
 * A file that changed within so many milliseconds before it was looked at can change again without its times showing it,
 * since a kernel's file times advance in ticks. Git calls such entries racily clean.
 */
const RACY_MS = 2_000

const MAX_ENTRIES = 1_000
const DIGEST = /^[0-9a-f]{64}$/

/** @returns whether files of which the youngest changed at `changedAtMs` may be recognised by their times. */
export function isSettled(changedAtMs: number, lookedAtMs: number): boolean {
  return changedAtMs < lookedAtMs - RACY_MS
}

/** Digests by fingerprint, in memory and, where a folder is given, in a file that other processes read too. */
export class DigestCache {
  readonly #digests = new Map<string, string>()
  readonly #file: string | null

  /** @param stateDir Where to keep digests between processes. `null`: nowhere. */
  constructor(stateDir: string | null) {
    this.#file = stateDir === null ? null : join(stateDir, 'image-digests.json')
    this.#read()
  }

  get(fingerprint: string): string | null {
    return this.#digests.get(fingerprint) ?? null
  }

  /** The most recently set entries are kept. A state folder that cannot be written costs speed and nothing else. */
  set(fingerprint: string, digest: string): void {
    this.#read()
    this.#digests.delete(fingerprint)
    this.#digests.set(fingerprint, digest)
    for (const oldest of this.#digests.keys()) {
      if (this.#digests.size <= MAX_ENTRIES) break
      this.#digests.delete(oldest)
    }
    this.#write()
  }

  /** Takes over what other processes have written. Anything that does not look right is ignored. */
  #read(): void {
    if (this.#file === null) return
    try {
      const stored = JSON.parse(readFileSync(this.#file, 'utf8')) as { format?: unknown; digests?: unknown }
      if (stored.format !== IMAGE_FORMAT || !Array.isArray(stored.digests)) return
      for (const entry of stored.digests as unknown[]) {
        const [fingerprint, digest] = Array.isArray(entry) ? (entry as unknown[]) : []
        if (typeof fingerprint !== 'string' || typeof digest !== 'string' || !DIGEST.test(digest)) continue
        if (!this.#digests.has(fingerprint)) this.#digests.set(fingerprint, digest)
      }
    } catch {
      return
    }
  }

  #write(): void {
    if (this.#file === null) return
    const temporary = `${this.#file}.${randomUUID()}`
    try {
      mkdirSync(join(this.#file, '..'), { recursive: true, mode: 0o700 })
      writeFileSync(temporary, JSON.stringify({ format: IMAGE_FORMAT, digests: [...this.#digests] }), { mode: 0o600 })
      renameSync(temporary, this.#file)
    } catch {
      rmSync(temporary, { force: true })
    }
  }
}
