import { Readable } from 'node:stream'
import { z } from 'zod'
import { hostPathOption } from './host-path.js'
import { abortSignalOption, booleanOption, integerOption, objectOption, opaqueOption, optionFacts } from './option.js'
import { parseOptions } from './parse.js'
import { sizeOption } from './size.js'

/** What a guest writes must not fill the host's memory unless the caller says so. */
const DEFAULT_READ_BYTES = 64 * 1024 * 1024

/** A Buffer holds no more with any certainty on 64-bit systems of Node 20 (`buffer.constants.MAX_LENGTH` is 4 GiB). */
const MAX_READ_BYTES = 2 * 1024 ** 3

const DEFAULT_TRANSFER_BYTES = 4 * 1024 ** 3
const MAX_TRANSFER_BYTES = 1024 ** 5
const DEFAULT_TRANSFER_ENTRIES = 200_000

/** The largest permission bits, special bits included (chmod(2)). */
const MAX_MODE = 0o7777

/** What `fs.writeFile` takes. */
export type FileData = string | Uint8Array | Readable | AsyncIterable<string | Uint8Array>

const encodings = [
  'utf8',
  'utf-8',
  'ascii',
  'latin1',
  'binary',
  'base64',
  'base64url',
  'hex',
  'utf16le',
  'ucs2',
] as const

function encodingOption() {
  const allowed = 'the name of an encoding of Buffer, or null for a Buffer'
  return z.enum(encodings, { error: allowed }).register(optionFacts, { type: 'string', allowed })
}

function modeOption(meaning: string) {
  return integerOption({ min: 0, max: MAX_MODE, unit: meaning })
}

const cancel = { signal: abortSignalOption().nullable().default(null).describe('Cancels it on both sides.') }

/** Options of `fs.readFile`. */
export const readFileOptionsSchema = objectOption({
  encoding: encodingOption().nullable().default(null).describe('`null`: the result is a Buffer.'),
  maxBytes: sizeOption(0, MAX_READ_BYTES)
    .default(DEFAULT_READ_BYTES)
    .describe('The most that is read; a larger file is a `CapacityError`.'),
  ...cancel,
}).readonly()

/** Options of `fs.writeFile`. */
export const writeFileOptionsSchema = objectOption({
  mode: modeOption('permission bits')
    .default(0o644)
    .describe('Of a new file (default `0o644`); one that is there keeps its own.'),
  append: booleanOption().default(false).describe('Adds to what the file holds.'),
  ...cancel,
}).readonly()

/** Options of `fs.mkdir`. */
export const makeFolderOptionsSchema = objectOption({
  recursive: booleanOption().default(false).describe('Makes the parents too, and accepts a folder that is there.'),
  mode: modeOption('permission bits')
    .default(0o777)
    .describe('Of the new folder (default `0o777`), less the umask of 022.'),
}).readonly()

/** Options of `fs.rm`. */
export const removeOptionsSchema = objectOption({
  recursive: booleanOption().default(false).describe('Removes folders with all that they hold.'),
  force: booleanOption().default(false).describe('It is no error when there is nothing.'),
}).readonly()

/** Options of `fs.upload`. */
export const transferOptionsSchema = objectOption({
  maxBytes: sizeOption(0, MAX_TRANSFER_BYTES, 'no cap')
    .nullable()
    .default(null)
    .describe('The most bytes of file content; more is a `CapacityError`.'),
  maxEntries: integerOption({ min: 1, max: 100_000_000, unit: 'entries', orNull: 'no cap' })
    .nullable()
    .default(null)
    .describe('The most files, folders and links; more is a `CapacityError`.'),
  keepTimes: booleanOption().default(false).describe('Files and folders keep the time of their last change.'),
  ...cancel,
}).readonly()

/** Options of `fs.uploadArchive`. */
export const archiveOptionsSchema = objectOption({
  maxBytes: sizeOption(0, MAX_TRANSFER_BYTES)
    .default(DEFAULT_TRANSFER_BYTES)
    .describe('The most bytes of file content, unpacked; more is an `UnsafeArchiveError`.'),
  maxEntries: integerOption({ min: 1, max: 100_000_000, unit: 'entries' })
    .default(DEFAULT_TRANSFER_ENTRIES)
    .describe('The most files, folders and links.'),
  ...cancel,
}).readonly()

/** Options of `fs.download`. */
export const downloadOptionsSchema = objectOption({
  maxBytes: sizeOption(0, MAX_TRANSFER_BYTES)
    .default(DEFAULT_TRANSFER_BYTES)
    .describe('The most bytes of file content; more is an `UnsafeArchiveError`.'),
  maxEntries: integerOption({ min: 1, max: 100_000_000, unit: 'entries' })
    .default(DEFAULT_TRANSFER_ENTRIES)
    .describe('The most files, folders and links.'),
  ...cancel,
}).readonly()

/** What a caller gives to `fs.readFile`. */
export type ReadFileOptions = z.input<typeof readFileOptionsSchema>
/** What a caller gives to `fs.writeFile`. */
export type WriteFileOptions = z.input<typeof writeFileOptionsSchema>
/** What a caller gives to `fs.mkdir`. */
export type MakeFolderOptions = z.input<typeof makeFolderOptionsSchema>
/** What a caller gives to `fs.rm`. */
export type RemoveOptions = z.input<typeof removeOptionsSchema>
/** What a caller gives to `fs.upload`. */
export type TransferOptions = z.input<typeof transferOptionsSchema>
/** What a caller gives to `fs.uploadArchive`. */
export type ArchiveOptions = z.input<typeof archiveOptionsSchema>
/** What a caller gives to `fs.download`. */
export type DownloadOptions = z.input<typeof downloadOptionsSchema>

/** @param raw - options, or an encoding alone. @throws {InvalidOptionsError} */
export function parseReadFileOptions(raw: unknown = {}): z.output<typeof readFileOptionsSchema> {
  return parseOptions(readFileOptionsSchema, typeof raw === 'string' ? { encoding: raw } : raw, 'readFile options')
}

/** @throws {InvalidOptionsError} */
export function parseWriteFileOptions(raw: unknown = {}): z.output<typeof writeFileOptionsSchema> {
  return parseOptions(writeFileOptionsSchema, raw, 'writeFile options')
}

/** @throws {InvalidOptionsError} */
export function parseMakeFolderOptions(raw: unknown = {}): z.output<typeof makeFolderOptionsSchema> {
  return parseOptions(makeFolderOptionsSchema, raw, 'mkdir options')
}

/** @throws {InvalidOptionsError} */
export function parseRemoveOptions(raw: unknown = {}): z.output<typeof removeOptionsSchema> {
  return parseOptions(removeOptionsSchema, raw, 'rm options')
}

/** @throws {InvalidOptionsError} */
export function parseTransferOptions(raw: unknown = {}): z.output<typeof transferOptionsSchema> {
  return parseOptions(transferOptionsSchema, raw, 'upload options')
}

/** @throws {InvalidOptionsError} */
export function parseArchiveOptions(raw: unknown = {}): z.output<typeof archiveOptionsSchema> {
  return parseOptions(archiveOptionsSchema, raw, 'uploadArchive options')
}

/** @throws {InvalidOptionsError} */
export function parseDownloadOptions(raw: unknown = {}): z.output<typeof downloadOptionsSchema> {
  return parseOptions(downloadOptionsSchema, raw, 'download options')
}

const fileDataSchema = opaqueOption<FileData>(
  { type: 'data', allowed: 'a string, a Uint8Array, a readable stream or an async iterable of them' },
  (value) =>
    typeof value === 'string' ||
    value instanceof Uint8Array ||
    value instanceof Readable ||
    (typeof value === 'object' && value !== null && Symbol.asyncIterator in value),
)

/** What is to be written. @throws {InvalidOptionsError} */
export function parseFileData(raw: unknown): FileData {
  return parseOptions(fileDataSchema, raw, 'file data')
}

const archiveSchema = opaqueOption<Readable>(
  { type: 'stream', allowed: 'a readable stream of a tar archive, plain or gzipped' },
  (value) => value instanceof Readable,
)

/** An archive that is to be unpacked inside. @throws {InvalidOptionsError} */
export function parseArchive(raw: unknown): Readable {
  return parseOptions(archiveSchema, raw, 'archive')
}

const hostFolderSchema = hostPathOption('a folder')

/** A folder of this host, made absolute. @throws {InvalidOptionsError} */
export function parseHostFolder(raw: unknown): string {
  return parseOptions(hostFolderSchema, raw, 'host folder')
}
