/** docs/options.md, written from the schemas: what is checked and what is documented cannot differ. */
import { z } from 'zod'
import { callOptionsSchema } from './call-options.js'
import { commandOptionsSchema, spawnOptionsSchema } from './command-options.js'
import { fileDirectorySchema, unixDirectorySchema } from './directory-options.js'
import { driverOptionsSchema } from './driver-options.js'
import {
  downloadOptionsSchema,
  makeFolderOptionsSchema,
  readFileOptionsSchema,
  removeOptionsSchema,
  archiveOptionsSchema,
  transferOptionsSchema,
  writeFileOptionsSchema,
} from './file-options.js'
import { fileUserSchema } from './file-user-options.js'
import { limitsSchema } from './limits.js'
import { loginGuardSchema } from './login-guard-options.js'
import { loginSchema } from './login-options.js'
import { mountSchema } from './mounts.js'
import { optionFacts, type OptionFacts } from './option.js'
import { pluginDefinitionSchema } from './plugin-definition.js'
import { BUILD_SECTIONS, type Section } from './reference-builds.js'
import { sandboxOptionsSchema } from './sandbox-options.js'
import { reloadOptionsSchema } from './reload-options.js'
import { innerSchemaOf, objectSchemaOf } from './schema-walk.js'
import { formatSize } from './size.js'
import { timeoutsSchema } from './timeouts.js'
import { traceObjectSchema } from './trace-options.js'
import { TRACE_DEFAULTS, TRACE_SETS } from './trace-sets.js'
import { userRangeSchema } from './user-range-options.js'
import { userObjectSchema } from './user.js'

const TRACE_INTRO = `\`trace: true\` watches and judges nothing. An object with any of the four lists, or with \`onViolation\`, judges everything: what no
list has is a violation. A list that is left out is its default. An object with other options alone judges nothing.

A list decides alone: \`read\` gives no right to write, and \`write\` none to read. An entry is one of these:

- \`'/work'\`: the path and everything below it, by segment; \`/work2\` is not meant.
- \`'/work/**/*.c'\`: a glob, for exactly what matches; what is below a match is not meant. \`*\` and \`?\` stay within a segment, \`**\` is a
  segment of its own and stands for any number of them, \`[a-z]\` and \`[!a-z]\` are one character, \`{a,b}\` is one of several texts. Names that begin
  with a dot are no exception. A backslash takes the next character as it is.
- \`/regexp/\`, or \`{ regexp: '…', flags: 'i' }\` in JSON: tested on the whole path, and anchored only by \`^\` and \`$\` of your own. The guest chooses the
  paths: an expression that backtracks, such as \`/(a+)+$/\`, lets it stop this process. Prefer globs, whose time is bounded.
- a ready-made set:

${Object.entries(TRACE_SETS)
  .map(([name, meaning]) => `  - \`'${name}'\`: ${meaning}`)
  .join('\n')}
  - \`'@default'\`: the default of the list, to which others can be added

Defaults: ${Object.entries(TRACE_DEFAULTS)
  .map(([list, sets]) => `\`${list}\` is ${sets.map((set) => `\`${set}\``).join(', ')}`)
  .join('; ')}; \`connect\` is empty. No set has \`/etc/passwd\` and \`/etc/group\`: for programs
that look up names (\`ls -l\`, \`id\`, \`os.userInfo()\`, \`bash\` without \`SHELL\` in its environment) write \`read: ['@default', '/etc/passwd', '/etc/group']\`.

In \`read\` the folders on the way to an entry may be looked at and listed, each without what else is in it; for a glob those before its first
special character. Paths are judged after resolution: absolute, without \`.\` and \`..\`, \`/proc/self\` being the process's own folder.

Entries of \`connect\` are addresses: \`'10.0.0.1:443'\`, \`'10.0.0.0/8:*'\`, \`'[fd00::/8]:*'\`, \`'*:53'\`, \`'unix:/run/x'\` (a path or glob), \`'unix:@name'\`, or a
regular expression on the whole address. An IPv4 address that is written as IPv6 (\`::ffff:10.0.0.1\`) counts as the IPv4 address.`

const SECTIONS: readonly Section[] = [
  {
    title: '`ContainerSandbox.create(options)`',
    intro: 'Every option may be left out. Unknown names are refused.',
    schema: sandboxOptionsSchema,
  },
  {
    title: '`limits`',
    intro: 'What the sandbox may use of the host. There is no "unlimited" for memory, CPUs, processes and files.',
    schema: limitsSchema,
  },
  { title: '`timeouts`', intro: 'How long the host waits for the inside.', schema: timeoutsSchema },
  {
    title: '`user`',
    intro: "A user name, or this object. `user: 'alice'` is short for `user: { name: 'alice' }`.",
    schema: userObjectSchema,
  },
  {
    title: '`users`',
    intro:
      'Where the uids of sandbox users come from. Processes that share a state folder never give one uid to two users.',
    schema: userRangeSchema,
  },
  { title: '`trace`', intro: TRACE_INTRO, schema: traceObjectSchema },
  {
    title: '`ContainerSandbox.login(options)`',
    intro: 'These, and every option of `create` but `user`, which the login decides.',
    schema: loginSchema,
  },
  { title: '`new UnixDirectory(options)`', intro: 'The unix accounts of this host.', schema: unixDirectorySchema },
  { title: '`new FileDirectory(options)`', intro: 'The users of a JSON file.', schema: fileDirectorySchema },
  { title: '`fileDirectory.add(options)`', intro: 'One user.', schema: fileUserSchema },
  {
    title: '`new LoginGuard(options)`',
    intro: 'How attempts to log in are evened out in time and slowed down.',
    schema: loginGuardSchema,
  },
  { title: '`mounts[]`', intro: 'Each entry of `mounts`.', schema: mountSchema },
  { title: '`sandbox.run` and `sandbox.shell`', intro: 'Options of one command.', schema: commandOptionsSchema },
  { title: '`sandbox.spawn`', intro: 'Options of one process.', schema: spawnOptionsSchema },
  { title: '`sandbox.rpc.call`', intro: 'Options of one call.', schema: callOptionsSchema },
  { title: '`sandbox.action`', intro: 'Options of one call, as of `sandbox.rpc.call`.', schema: callOptionsSchema },
  {
    title: '`sandbox.reload`',
    intro: 'Options, or the path of a program alone.',
    schema: reloadOptionsSchema,
  },
  { title: '`sandbox.fs.readFile`', intro: 'Options, or an encoding alone.', schema: readFileOptionsSchema },
  { title: '`sandbox.fs.writeFile`', intro: 'Options of one file.', schema: writeFileOptionsSchema },
  { title: '`sandbox.fs.mkdir`', intro: 'Options of one folder.', schema: makeFolderOptionsSchema },
  { title: '`sandbox.fs.rm`', intro: 'Options of one removal.', schema: removeOptionsSchema },
  { title: '`sandbox.fs.upload`', intro: 'Options of one transfer.', schema: transferOptionsSchema },
  { title: '`sandbox.fs.uploadArchive`', intro: 'Options of one transfer.', schema: archiveOptionsSchema },
  { title: '`sandbox.fs.download`', intro: 'Options of one transfer.', schema: downloadOptionsSchema },
  {
    title: '`definePlugin(definition)`',
    intro: 'What a plugin is made of; see [plugins](plugins.md).',
    schema: pluginDefinitionSchema,
  },
  ...BUILD_SECTIONS,
  { title: '`new DockerDriver(options)`', intro: 'How the engine is reached.', schema: driverOptionsSchema },
]

const HEADER = `<!-- Generated by scripts/options-docs.mjs from the schemas in src/options. Do not edit. -->

# Options

Times are in milliseconds, sizes in bytes; a size may also be written as a text: \`'256MiB'\`, \`'1.5GiB'\`, \`'512B'\`, or with
Docker's binary letters \`'64k'\`, \`'512m'\`, \`'2g'\`. \`'MB'\` and \`'GB'\` are refused, because they mean two things. A wrong value is an
\`InvalidOptionsError\` that lists every problem, in words and in \`details.issues\`.
`

/** @returns the whole page in Markdown, ending in one newline */
export function renderOptionsReference(): string {
  return [HEADER, ...SECTIONS.map(renderSection)].join('\n')
}

function renderSection({ title, intro, schema }: Section): string {
  const rows = Object.entries<z.core.$ZodType>(objectSchemaOf(schema)?.shape ?? {}).map(([name, option]) =>
    renderRow(name, option),
  )
  const head = '| option | type | allowed | default | meaning |\n| --- | --- | --- | --- | --- |'
  return `## ${title}\n\n${intro}\n\n${head}\n${rows.join('\n')}\n`
}

function renderRow(name: string, option: z.core.$ZodType): string {
  const facts = findFacts(option) ?? { type: 'object', allowed: `see [\`${name}\`](#${name.toLowerCase()})` }
  const meaning = findFact(option, (layer) => z.globalRegistry.get(layer)?.description) ?? ''
  const cells = [`\`${name}\``, facts.type, facts.allowed, renderDefault(option, facts), meaning]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function renderDefault(option: z.core.$ZodType, facts: OptionFacts): string {
  const value = findFact(option, (layer) =>
    layer instanceof z.ZodDefault || layer instanceof z.ZodPrefault ? { is: layer.def.defaultValue } : undefined,
  )
  if (value === undefined) return option instanceof z.ZodOptional ? 'none' : 'required'
  if (value.is === null) return '`null`'
  if (facts.type === 'size' && typeof value.is === 'number') return `\`'${formatSize(value.is)}'\``
  return `\`${JSON.stringify(value.is).replaceAll('"', "'")}\``
}

function findFacts(option: z.core.$ZodType): OptionFacts | undefined {
  return findFact(option, (layer) => optionFacts.get(layer))
}

/** The first answer on the way from the outermost layer of a schema to the innermost. */
function findFact<T>(schema: z.core.$ZodType, look: (layer: z.core.$ZodType) => T | undefined): T | undefined {
  for (let layer: z.core.$ZodType | null = schema; layer !== null; layer = innerSchemaOf(layer)) {
    const found = look(layer)
    if (found !== undefined) return found
  }
  return undefined
}
