import type { z } from 'zod'
import { driverOption } from './driver-object.js'
import { baseOption, DEFAULT_BASE } from './base.js'
import { envOption } from './env.js'
import { hostPathOption } from './host-path.js'
import { labelsOption } from './labels.js'
import { limitsSchema } from './limits.js'
import { findMountClash } from './mount-rules.js'
import { DEFAULT_WRITABLE, mountsSchema, scratchSchema, writableSchema } from './mounts.js'
import { DEFAULT_NETWORK, networkOption } from './network.js'
import { abortSignalOption, choiceOption, objectOption } from './option.js'
import { parseOptions } from './parse.js'
import { permissionsSchema } from './permissions.js'
import { pluginsSchema } from './plugins-option.js'
import { DEFAULT_RUNTIME, runtimeOption } from './runtime.js'
import { seccompOption } from './seccomp-option.js'
import { timeoutsSchema } from './timeouts.js'
import { traceRuntimeProblem, traceSchema } from './trace-options.js'
import { userRangeSchema } from './user-range-options.js'
import { userSchema } from './user.js'

/** Options of `ContainerSandbox.create`. */
export const sandboxOptionsSchema = objectOption({
  user: userSchema
    .prefault(null)
    .describe('Whom the sandbox belongs to. Default: an anonymous user with an empty home.'),
  users: userRangeSchema.prefault({}),
  program: hostPathOption('the program')
    .nullable()
    .default(null)
    .describe('Guest JavaScript that is loaded at start; it has a global `rpc`.'),
  methods: hostPathOption('the methods file')
    .nullable()
    .default(null)
    .describe(
      'A methods file: its `exports.methods` are functions by name, which `sandbox.action` calls. It is loaded in the guest, before the program.',
    ),
  onLockup: choiceOption(['report', 'restart'])
    .default('report')
    .describe(
      'What follows when the program stops answering pings: the `lockup` event alone, or also a restart of the program.',
    ),
  permissions: permissionsSchema
    .prefault([])
    .describe(
      "Built-in modules that the program may load; `'home'`: files of the home. Default: none, there is no `require` at all. A convenience: what protects is the container.",
    ),
  limits: limitsSchema.prefault({}),
  mounts: mountsSchema.prefault([]).describe("Folders and files of the engine's host that the guest sees."),
  writable: writableSchema
    .prefault([...DEFAULT_WRITABLE])
    .describe(
      'Guest paths that are writable scratch of `limits.scratchBytes` each; all else is read-only. `/tmp` is always added.',
    ),
  scratch: scratchSchema
    .prefault({})
    .describe('Sizes of writable paths that differ from `limits.scratchBytes`; a path named here is writable.'),
  network: networkOption().default(DEFAULT_NETWORK).describe('Network of the sandbox.'),
  env: envOption()
    .prefault({})
    .describe(
      "Environment of the program and of every command. Before it stand the image's own variables, `PATH`, `HOME=/`, `USER`, `LOGNAME` and `SHELL`; nothing of the host's is added.",
    ),
  base: baseOption()
    .default(DEFAULT_BASE)
    .describe(
      "What the user's image starts from. `'runner'` is packed from this host. `'host'` is the host's own `/usr` and what belongs to its programs, mounted read-only; only with an engine on this machine. `'toolchain'` is what `image toolchain` made last: a Debian with gcc, make, git, Python and Node.js.",
    ),
  runtime: runtimeOption().default(DEFAULT_RUNTIME).describe('What the engine starts the container with.'),
  seccomp: seccompOption
    .default(null)
    .describe(
      "A stricter seccomp profile than the package's own, such as one of `tightenSeccomp`. Default: the package's own.",
    ),
  timeouts: timeoutsSchema.prefault({}),
  trace: traceSchema
    .prefault(false)
    .describe('Watches every file, program and connection with strace, from a second container.'),
  plugins: pluginsSchema
    .prefault([])
    .describe('What takes part in the life of the sandbox, on this host and in the program: [plugins](plugins.md).'),
  labels: labelsOption().prefault({}).describe('Labels on the container for your own tools.'),
  driver: driverOption().describe('What runs containers. Default: a `DockerDriver` with default options.'),
  signal: abortSignalOption().nullable().default(null).describe('Cancels `create`, and later ends the sandbox.'),
})
  .transform((options) => ({
    ...options,
    writable: Object.freeze([...new Set([...options.writable, ...Object.keys(options.scratch)])].sort()),
  }))
  .superRefine(({ trace, runtime }, context) => {
    const hint = trace === null ? null : traceRuntimeProblem(runtime)
    if (hint === null) return
    const message = `false with runtime '${runtime}'`
    context.addIssue({
      code: 'custom',
      path: ['trace'],
      input: true,
      message,
      params: { hint, got: 'a traced sandbox' },
    })
  })
  .superRefine((options, context) => {
    const clash = findMountClash(options.mounts, options.writable)
    if (clash === null) return
    const { path, target, reason } = clash
    const message = 'a target apart from all other mounts and from `writable`'
    context.addIssue({ code: 'custom', path: [...path], input: target, message, params: { hint: reason } })
  })
  .readonly()

/** What a caller gives to `ContainerSandbox.create`. */
export type SandboxOptions = z.input<typeof sandboxOptionsSchema>

/** The same with every default filled in; deeply frozen, `driver` and `signal` excepted. */
export type ResolvedSandboxOptions = z.output<typeof sandboxOptionsSchema>

/**
 * Checks and completes the options of a sandbox.
 *
 * @throws {InvalidOptionsError} listing every issue
 */
export function parseSandboxOptions(raw: unknown = {}): ResolvedSandboxOptions {
  return parseOptions(sandboxOptionsSchema, raw, 'sandbox options')
}
