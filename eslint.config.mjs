import { createNodeResolver, importX } from 'eslint-plugin-import-x'
import tseslint from 'typescript-eslint'

/**
 * Which folder of `src` may import which others. Every other import between folders is an error.
 *
 *     cli → runner → pool, queue → sandbox → {policy, image, trace, users, plugins, driver, protocol} → options → errors, printable, glob
 *
 * `telemetry` is beside the errors: everything may tell how it fares.
 *
 * `types` lists what may be imported with `import type` only: the seam between images and the driver is an interface,
 * and an option can hold a driver or a directory of users.
 */
const base = ['errors', 'printable', 'package-version', 'telemetry', 'glob']
const below = {
  errors: { values: [] },
  printable: { values: [] },
  glob: { values: [] },
  'package-version': { values: [] },
  telemetry: { values: ['errors', 'printable', 'package-version'] },
  options: { values: ['errors', 'printable', 'glob'], types: ['driver', 'users', 'trace', 'plugins', 'telemetry'] },
  policy: { values: ['options', ...base] },
  protocol: { values: ['errors', 'printable'] },
  driver: { values: ['policy', 'options', ...base] },
  image: { values: ['policy', 'options', ...base], types: ['driver'] },
  users: { values: ['options', ...base] },
  plugins: { values: ['policy', 'options', ...base], types: ['trace'] },
  trace: { values: ['policy', 'protocol', 'options', ...base], types: ['driver'] },
}
const middle = Object.keys(below)
const layers = {
  ...below,
  sandbox: { values: middle },
  pool: { values: ['sandbox', ...middle] },
  queue: { values: ['sandbox', ...middle] },
  runner: { values: ['pool', 'queue', 'sandbox', ...middle] },
  compat: { values: ['index', 'shovel', 'runner', 'pool', 'queue', 'sandbox', ...middle] },
  cli: { values: ['index', 'runner', 'pool', 'queue', 'sandbox', ...middle] },
  shovel: { values: ['protocol', 'glob'] },
}
const units = [...Object.keys(layers), 'index']

/** Matches `../image/x.js` and `../../image/x.js` for a folder, `../errors.js` for a file. */
const importOf = (names) => `^(?:\\./|(?:\\.\\./)+)(?:src/)?(?:${names.join('|')})(?:/|\\.js$|$)`

/** The engine's client is used in one place only. */
const dockerode = { regex: '^dockerode$', message: 'Only src/driver/docker talks to the engine.' }
/** The protocol runs on both sides and knows no operating system. */
const platform = { regex: '^node:(?!buffer$)', message: 'src/protocol imports nothing of node besides Buffer.' }

const directions = Object.entries(layers).map(([folder, { values, types = [] }]) => {
  const forbidden = units.filter((unit) => unit !== folder && !values.includes(unit) && !types.includes(unit))
  const patterns = [
    {
      regex: importOf(forbidden),
      message: `src/${folder} may import ${[...values, ...types].join(', ') || 'nothing'}.`,
    },
  ]
  if (types.length > 0) {
    const message = `src/${folder} may import types of ${types.join(', ')}, no values.`
    patterns.push({ regex: importOf(types), allowTypeImports: true, message })
  }
  if (folder !== 'driver') patterns.push(dockerode)
  if (folder === 'protocol') patterns.push(platform)
  return {
    name: `directions/${folder}`,
    files: [`src/${folder}/**/*.ts`, `src/${folder}.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  }
})

const nodeGlobals = [
  'AbortController',
  'AbortSignal',
  'Buffer',
  'URL',
  'clearTimeout',
  'console',
  'fetch',
  'performance',
]
nodeGlobals.push('process', 'setInterval', 'clearInterval', 'setTimeout', 'setImmediate', 'queueMicrotask')

/** The part of eslint's own recommendations that the type checker does not see. */
const recommended = [
  'no-async-promise-executor',
  'no-cond-assign',
  'no-constant-condition',
  'no-debugger',
  'no-empty',
  'no-empty-character-class',
  'no-empty-pattern',
  'no-fallthrough',
  'no-misleading-character-class',
  'no-prototype-builtins',
  'no-regex-spaces',
  'no-self-assign',
  'no-sparse-arrays',
  'no-unsafe-finally',
  'no-unused-labels',
  'no-useless-backreference',
  'no-useless-catch',
  'no-useless-escape',
  'require-yield',
  'use-isnan',
]

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'test/fixtures/**/*.js', 'test/fixtures/**/*.cjs', '.cache/'] },
  { rules: Object.fromEntries(recommended.map((rule) => [rule, 'error'])) },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['vitest.config.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [
        createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } }),
      ],
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'import-x/no-cycle': 'error',
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  ...directions,
  {
    name: 'directions/index',
    files: ['src/index.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: importOf(['cli', 'shovel', 'compat']), message: 'src/index.ts names what the library exports.' },
            dockerode,
          ],
        },
      ],
    },
  },
  { files: ['src/cli/**/*.ts', 'src/shovel/**/*.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
  // Mock functions are handed to `expect` by name.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/unbound-method': 'off' } },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    languageOptions: { globals: Object.fromEntries(nodeGlobals.map((name) => [name, 'readonly'])) },
    rules: {
      'no-undef': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'prefer-const': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    name: 'guest programs',
    files: ['docs/**/*.js', 'test/**/*.js', 'scripts/demo-guest.js'],
    languageOptions: { globals: { rpc: 'readonly' } },
  },
)
