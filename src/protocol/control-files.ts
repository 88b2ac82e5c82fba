/** The `fs.*` control methods: what each takes and answers. */
import * as z from 'zod/mini'

const count = z.int().check(z.nonnegative())
const path = z.string().check(z.regex(/^[^\0]+$/))
const streamId = z.uint32().check(z.gte(2))
const mode = z.int().check(z.gte(0), z.lte(0o7777))
const fileType = z.enum(['file', 'directory', 'symlink', 'fifo', 'socket', 'device'])

/** One component of a path: the host may join it to a folder of its own. At most NAME_MAX bytes (limits.h). */
const fileName = z.string().check(z.minLength(1), z.maxLength(255), z.regex(/^(?!\.{1,2}$)[^/\0]+$/))

/** The `data` of a `CONTROL_ERROR_FILE`. */
export const fileErrorSchema = z.strictObject({
  errno: z.string().check(z.regex(/^E[A-Z0-9_]{1,31}$/)),
  syscall: z.string().check(z.regex(/^[\w.]{1,64}$/)),
  /** What the host asked for, as the guest repeats it: the host shows its own copy. */
  path: z.string(),
})

/** `fs.stat`. */
export const fileStatParamsSchema = z.strictObject({ path, followLinks: z.boolean() })
/** The answer to `fs.stat`; times in milliseconds since the epoch, sizes in bytes. */
export const fileStatResultSchema = z.strictObject({
  type: fileType,
  /** A sparse file can be larger than the integers that a number holds exactly. */
  size: z.number().check(z.nonnegative()),
  mode: z.uint32(),
  uid: z.uint32(),
  gid: z.uint32(),
  nlink: count,
  ino: z.number(),
  /** Times in milliseconds since 1970, fractions included; files may be older. */
  mtimeMs: z.number(),
  atimeMs: z.number(),
  ctimeMs: z.number(),
  birthtimeMs: z.number(),
})

/** `fs.readdir`. */
export const fileReaddirParamsSchema = z.strictObject({ path })
/** The answer to `fs.readdir`. */
export const fileReaddirResultSchema = z.strictObject({
  entries: z.array(z.strictObject({ name: fileName, type: fileType })),
})

/** `fs.mkdir`. */
export const fileMkdirParamsSchema = z.strictObject({ path, recursive: z.boolean(), mode: z.optional(mode) })
/** `fs.rm`. */
export const fileRmParamsSchema = z.strictObject({ path, recursive: z.boolean(), force: z.boolean() })

/** `fs.readFile`: the content comes on `stream`, shovel → host. */
export const fileReadParamsSchema = z.strictObject({ path, stream: streamId })
/** The answer to `fs.readFile`: the size in bytes as it was when the file was opened. */
export const fileReadResultSchema = z.strictObject({ size: count })

/** `fs.writeFile`: the content goes on `stream`, host → shovel; answered when END came and all is written. */
export const fileWriteParamsSchema = z.strictObject({
  path,
  stream: streamId,
  mode: z.optional(mode),
  append: z.optional(z.boolean()),
})

/** `fs.upload` and `fs.download`: a tar on `stream`, of what the folder at `path` holds. */
export const transferParamsSchema = z.strictObject({
  path,
  stream: streamId,
  /** Of `fs.download`: globs of what is sent. */
  select: z.optional(z.array(z.string())),
})
/** The answer to `fs.upload` and `fs.download`. */
export const transferResultSchema = z.strictObject({
  entries: count,
  bytes: count,
  /** Sockets, FIFOs and devices, which an archive cannot hold. */
  skipped: z._default(count, 0),
})

/** What {@link fileErrorSchema} lets through. */
export type FileError = z.output<typeof fileErrorSchema>
/** What {@link fileStatResultSchema} lets through. */
export type FileStat = z.output<typeof fileStatResultSchema>
/** What {@link fileReaddirResultSchema} lets through. */
export type DirectoryEntries = z.output<typeof fileReaddirResultSchema>
/** What {@link transferResultSchema} lets through. */
export type TransferResult = z.output<typeof transferResultSchema>
