/**
 * The control methods between host and shovel, on stream 0: what each takes and answers.
 *
 * The host checks every answer and notification against these, because the shovel is in the guest's hands: strict
 * shapes, ranges, and names of files that cannot be paths.
 */
import * as z from 'zod/mini'
import { PROTOCOL_VERSION } from './control-codes.js'

const count = z.int().check(z.nonnegative())
const milliseconds = z.number().check(z.nonnegative())
const id32 = z.uint32()
const streamId = id32.check(z.gte(2))
const text = z.string().check(z.regex(/^[^\0]*$/))
const environment = z.record(z.string().check(z.regex(/^[^\0=]+$/)), text)

/** An errno name such as `ENOENT`. */
const errno = z.string().check(z.regex(/^E[A-Z0-9_]{1,31}$/))

/** A method that has nothing to answer. */
export const emptyResultSchema = z.strictObject({})

/** shovel → host, the first message. */
export const readyNotificationSchema = z.strictObject({
  protocol: z.literal(PROTOCOL_VERSION),
  pid: id32,
  nodeVersion: z.string().check(z.regex(/^v\d{1,3}\.\d{1,3}\.\d{1,3}[\w.+-]{0,32}$/)),
  uid: id32,
  gid: id32,
})

/** `spawn`: starts a command. */
export const spawnParamsSchema = z.strictObject({
  commandId: id32,
  file: text,
  args: z.array(text),
  env: environment,
  cwd: text,
  stdin: z.nullable(streamId),
  stdout: z.nullable(streamId),
  stderr: z.nullable(streamId),
  /** CPU time of the whole process tree. */
  cpuTimeMs: z.nullable(count),
  /** Per output stream: so many bytes are sent, the rest is read and thrown away. */
  outputBytes: z.nullable(count),
})
/** The answer to `spawn`. */
export const spawnResultSchema = z.strictObject({ pid: id32 })
/** The `data` of a `CONTROL_ERROR_SPAWN`. */
export const spawnErrorSchema = z.strictObject({ errno, stage: z.enum(['fork', 'chdir', 'exec']) })

/** `signal`: to the main process, its process group, or (always SIGKILL) everything that the command started. */
export const signalParamsSchema = z.strictObject({
  commandId: id32,
  signal: z.int().check(z.gte(1), z.lte(64)),
  scope: z.enum(['process', 'group', 'tree']),
})
/** The answer to `signal`; not delivered: the command had ended. */
export const signalResultSchema = z.strictObject({ delivered: z.boolean() })

/** shovel → host: a command ended and its pipes are empty. Byte counts include what was thrown away. */
export const exitNotificationSchema = z.strictObject({
  commandId: id32,
  exitCode: z.nullable(z.int().check(z.gte(0), z.lte(255))),
  signal: z.nullable(z.int().check(z.gte(1), z.lte(64))),
  cpuMs: milliseconds,
  maxRssBytes: count,
  leftovers: count,
  cause: z.enum(['none', 'cpuTime', 'treeKilled', 'supervisorKilled']),
  oomKills: count,
  stdoutBytes: count,
  stderrBytes: count,
})

/** `program.start`: starts the program's process. The first one has stream 1 as its channel and command id 0. */
export const programStartParamsSchema = z.strictObject({
  commandId: id32,
  /** The stream of both directions that carries its messages. */
  channel: id32.check(z.gte(1)),
  env: environment,
  cwd: text,
  stdout: streamId,
  stderr: streamId,
  cpuTimeMs: z.nullable(count),
})
/** The answer to `program.start`. */
export const programStartResultSchema = spawnResultSchema

/** `guestPath` is where the file lies in the home, or as if it lay there: what it loads is found from here. */
const sourceFile = z.strictObject({ source: z.string(), filename: z.string(), guestPath: text })

/** On the program's channel, host → program: `$/load` compiles and runs the methods file, then the program. */
export const programLoadParamsSchema = z.strictObject({
  program: z.nullable(sourceFile),
  methods: z.nullable(sourceFile),
  permissions: z.array(z.string()),
  /** Paths of the home, when files of it may be loaded. */
  home: z.nullable(z.array(text)),
})
/** The `data` of a `CONTROL_ERROR_PROGRAM`. */
export const programErrorSchema = z.strictObject({
  file: z.enum(['program', 'methods']),
  kind: z.enum(['syntax', 'throw']),
  stack: z.string(),
})
/** On the program's channel, host → program: `$/action` calls what the methods file exports by this name. */
export const programActionParamsSchema = z.strictObject({ name: z.string(), data: z.optional(z.unknown()) })

/** `observe`: raw texts of `/proc` and of the cgroup, `null` where one cannot be read. */
export const observeResultSchema = z.strictObject({
  statuses: z.array(z.strictObject({ pid: id32, tid: id32, text: z.string() })),
  mountinfo: z.nullable(z.string()),
  limits: z.nullable(z.string()),
  netdev: z.nullable(z.string()),
  cgroup: z.record(z.string(), z.nullable(z.string())),
})

/** What {@link readyNotificationSchema} lets through. */
export type ReadyNotification = z.output<typeof readyNotificationSchema>
/** What {@link spawnParamsSchema} lets through. */
export type SpawnParams = z.output<typeof spawnParamsSchema>
/** What {@link spawnResultSchema} lets through. */
export type SpawnResult = z.output<typeof spawnResultSchema>
/** What {@link signalParamsSchema} lets through. */
export type SignalParams = z.output<typeof signalParamsSchema>
/** What {@link exitNotificationSchema} lets through. */
export type ExitNotification = z.output<typeof exitNotificationSchema>
/** What {@link programStartParamsSchema} lets through. */
export type ProgramStartParams = z.output<typeof programStartParamsSchema>
/** What {@link programLoadParamsSchema} lets through. */
export type ProgramLoadParams = z.output<typeof programLoadParamsSchema>
/** What {@link programActionParamsSchema} lets through. */
export type ProgramActionParams = z.output<typeof programActionParamsSchema>
/** What {@link observeResultSchema} lets through. */
export type GuestObservation = z.output<typeof observeResultSchema>
