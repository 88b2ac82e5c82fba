/**
 * The few facts of an ELF file that decide which other files it needs at run time, read from the file itself.
 *
 * A file is never executed to learn them: `ldd` starts the program's own interpreter. Every offset and count in the
 * file is checked, because a base or a tool folder may hold files that only look like programs.
 *
 * Source: System V ABI, chapters 4 and 5; elf(5).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { ImageError } from '../errors.js'
import { printable } from '../printable.js'

/** What an ELF file says about itself. */
export interface ElfFile {
  readonly path: string
  /** `e_machine`, for example 62 for x86-64 and 183 for AArch64. */
  readonly machine: number
  /** The loader that the kernel starts for this program, or `null` for libraries and static programs. */
  readonly interpreter: string | null
  /** The libraries that it names (`DT_NEEDED`), in order. */
  readonly needed: readonly string[]
  /** `DT_RPATH`, split, `$ORIGIN` not yet replaced. */
  readonly rpath: readonly string[]
  /** `DT_RUNPATH`, split, `$ORIGIN` not yet replaced. */
  readonly runpath: readonly string[]
  readonly soname: string | null
}

const HEADER_BYTES = 64
const PROGRAM_HEADER_BYTES = 56
const DYNAMIC_ENTRY_BYTES = 16
const MAX_PROGRAM_HEADERS = 1024
const MAX_DYNAMIC_BYTES = 1024 * 1024
const MAX_STRING_BYTES = 4096

const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const DT_NEEDED = 1
const DT_STRTAB = 5
const DT_SONAME = 14
const DT_RPATH = 15
const DT_RUNPATH = 29

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

/**
 * Reads the facts of a 64-bit little-endian ELF file.
 *
 * @returns `null` when the file is no ELF file at all.
 * @throws {ImageError} when it is one of another class or byte order, or when it is damaged.
 */
export function readElf(path: string): ElfFile | null {
  const file = openSync(path, 'r')
  try {
    const size = fstatSync(file).size
    const header = readAt(file, path, size, 0, Math.min(size, HEADER_BYTES))
    if (header.length < 4 || header.readUInt32BE(0) !== 0x7f454c46) return null
    if (header.length < HEADER_BYTES) throw damaged(path, 'its header is cut off')
    if (header[4] !== 2 || header[5] !== 1) throw damaged(path, 'it is not 64-bit little-endian')
    const segments = readSegments(file, path, size, header)
    const strings = readDynamic(file, path, size, segments)
    return {
      path,
      machine: header.readUInt16LE(18),
      interpreter: readInterpreter(file, path, size, segments),
      needed: strings(DT_NEEDED),
      rpath: splitPaths(strings(DT_RPATH)),
      runpath: splitPaths(strings(DT_RUNPATH)),
      soname: strings(DT_SONAME)[0] ?? null,
    }
  } finally {
    closeSync(file)
  }
}

function readSegments(file: number, path: string, size: number, header: Buffer): Segment[] {
  const count = header.readUInt16LE(56)
  if (count === 0) return []
  if (count > MAX_PROGRAM_HEADERS) throw damaged(path, `it has ${count} program headers`)
  if (header.readUInt16LE(54) !== PROGRAM_HEADER_BYTES) throw damaged(path, 'its program headers have an unknown size')
  const table = readAt(file, path, size, toOffset(header, 32), count * PROGRAM_HEADER_BYTES)
  return Array.from({ length: count }, (_, index) => {
    const entry = table.subarray(index * PROGRAM_HEADER_BYTES)
    return {
      type: entry.readUInt32LE(0),
      offset: toOffset(entry, 8),
      address: toOffset(entry, 16),
      size: toOffset(entry, 32),
    }
  })
}

function readInterpreter(file: number, path: string, size: number, segments: readonly Segment[]): string | null {
  const segment = segments.find(({ type }) => type === PT_INTERP)
  if (segment === undefined) return null
  if (segment.size > MAX_STRING_BYTES) throw damaged(path, 'its interpreter name is too long')
  return untilNul(readAt(file, path, size, segment.offset, segment.size), path)
}

/** @returns a function from a tag to the strings of all dynamic entries that have it. */
function readDynamic(
  file: number,
  path: string,
  size: number,
  segments: readonly Segment[],
): (tag: number) => string[] {
  const segment = segments.find(({ type }) => type === PT_DYNAMIC)
  if (segment === undefined) return () => []
  if (segment.size > MAX_DYNAMIC_BYTES) throw damaged(path, 'its dynamic section is too large')
  const table = readAt(file, path, size, segment.offset, segment.size)
  const entries: { readonly tag: number; readonly value: number }[] = []
  for (let at = 0; at + DYNAMIC_ENTRY_BYTES <= table.length; at += DYNAMIC_ENTRY_BYTES) {
    const tag = table.readBigInt64LE(at)
    if (tag === 0n) break
    entries.push({ tag: Number(tag), value: toOffset(table, at + 8) })
  }
  const address = entries.find(({ tag }) => tag === DT_STRTAB)?.value
  return (wanted) =>
    entries
      .filter(({ tag }) => tag === wanted)
      .map(({ value }) => {
        if (address === undefined) throw damaged(path, 'it names strings but has no string table')
        const load = segments.find(
          (candidate) =>
            candidate.type === PT_LOAD && address >= candidate.address && address < candidate.address + candidate.size,
        )
        if (load === undefined) throw damaged(path, 'its string table is in no segment')
        const offset = load.offset + (address - load.address) + value
        return untilNul(readAt(file, path, size, offset, Math.min(MAX_STRING_BYTES, size - offset)), path)
      })
}

function readAt(file: number, path: string, size: number, offset: number, length: number): Buffer {
  if (length < 0 || offset + length > size) throw damaged(path, 'a part that it names lies past its end')
  const buffer = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const count = readSync(file, buffer, filled, length - filled, offset + filled)
    if (count === 0) throw damaged(path, 'it became shorter while it was read')
    filled += count
  }
  return buffer
}

/** A 64-bit field as a number; values above 2^53 become a number that is past every file's end. */
function toOffset(buffer: Buffer, at: number): number {
  return Number(buffer.readBigUInt64LE(at))
}

function untilNul(bytes: Buffer, path: string): string {
  const end = bytes.indexOf(0)
  if (end === -1) throw damaged(path, 'a string in it has no end')
  return bytes.toString('utf8', 0, end)
}

function splitPaths(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(':')).filter((part) => part !== '')
}

function damaged(path: string, why: string): ImageError {
  return new ImageError(`${printable(path)} cannot be packed: ${why}. Reinstall the package that it belongs to.`, {
    details: { path },
  })
}
