/**
 * Password hashes of file users: scrypt (RFC 7914) with N = 2^17, r = 8, p = 1, the first choice of OWASP's Password Storage Cheat
 * Sheet after Argon2id, which Node 20 does not have. One guess costs 128 MiB and about 0.3 s on a core of 2020. The parameters stand beside
 * each hash, so that a later default leaves old hashes usable.
 */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { z } from 'zod'
import { isFilePassword } from '../options/index.js'
import { PLACEHOLDER_PASSWORD } from './authenticator.js'

const SALT_BYTES = 16
const HASH_BYTES = 32
const BLOCK_SIZE = 8

/** The bounds keep a users' file from asking for more memory than a host has: at most 1 GiB. */
export const MIN_LOG_N = 14
export const MAX_LOG_N = 20

/** Hashes at once in this process: 256 MiB with the default cost, and two of the four threads that also read files. */
const MAX_CONCURRENT = 2

const base64 = (bytes: number) =>
  z.base64().refine((text) => Buffer.from(text, 'base64').length === bytes, `${bytes} bytes in base64`)

/** A hash as it stands in the users' file. */
export const passwordHashSchema = z
  .strictObject({
    algorithm: z.literal('scrypt'),
    logN: z.number().int().min(MIN_LOG_N).max(MAX_LOG_N),
    r: z.literal(BLOCK_SIZE),
    p: z.literal(1),
    salt: base64(SALT_BYTES),
    hash: base64(HASH_BYTES),
  })
  .readonly()

export type PasswordHash = z.output<typeof passwordHashSchema>

/** @param password - one for which {@link isFilePassword} holds */
export async function hashPassword(password: string, logN: number): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, logN)
  return Object.freeze({
    algorithm: 'scrypt',
    logN,
    r: BLOCK_SIZE,
    p: 1,
    salt: salt.toString('base64'),
    hash: hash.toString('base64'),
  })
}

/** A hash that no password gives, which costs as much to check as a real one. */
export function placeholderHash(logN: number): PasswordHash {
  const [salt, hash] = [randomBytes(SALT_BYTES), randomBytes(HASH_BYTES)].map((bytes) => bytes.toString('base64'))
  return { algorithm: 'scrypt', logN, r: BLOCK_SIZE, p: 1, salt: salt ?? '', hash: hash ?? '' }
}

/** Whether the hash is that of the password. Takes the same time for any text. */
export async function verifyPassword(password: string, stored: PasswordHash): Promise<boolean> {
  const possible = isFilePassword(password)
  const salt = Buffer.from(stored.salt, 'base64')
  const hash = await derive(possible ? password : PLACEHOLDER_PASSWORD, salt, stored.logN)
  return timingSafeEqual(hash, Buffer.from(stored.hash, 'base64')) && possible
}

let running = 0
const waiting: (() => void)[] = []

/** Normalised as RFC 8265 (OpaqueString) says: `é` typed on another keyboard is the same password. */
async function derive(password: string, salt: Buffer, logN: number): Promise<Buffer> {
  if (running >= MAX_CONCURRENT) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  const N = 2 ** logN
  const options: ScryptOptions = { N, r: BLOCK_SIZE, p: 1, maxmem: 128 * N * BLOCK_SIZE + 16 * 1024 * 1024 }
  const input = Buffer.from(password.normalize('NFC'), 'utf8')
  try {
    return await new Promise((resolve, reject) =>
      scrypt(input, salt, HASH_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error))),
    )
  } finally {
    input.fill(0)
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}
