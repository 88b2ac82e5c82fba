import { textOption, textProblem } from './option.js'

const MAX_BYTES = 1024

/** A path below the workspace of a build, such as `build` or `packages/a`; normalised, `.` is the workspace itself. */
export function workspacePathOption() {
  return textOption(
    {
      type: 'workspace path',
      allowed: `a path below the workspace, relative and without '..', at most ${MAX_BYTES} bytes`,
    },
    workspacePathProblem,
  ).transform(normalizeWorkspacePath)
}

/** @returns why a text is no path below the workspace, or `null` */
export function workspacePathProblem(path: string): string | null {
  if (path === '') return "it is empty: write '.' for the workspace itself"
  if (path.startsWith('/')) return 'it is absolute: leave the leading slash out'
  if (path.split('/').includes('..')) return "it has '..', which could leave the workspace"
  return textProblem(path, MAX_BYTES)
}

/** Removes `.` segments and repeated slashes. */
export function normalizeWorkspacePath(path: string): string {
  return (
    path
      .split('/')
      .filter((segment) => segment !== '' && segment !== '.')
      .join('/') || '.'
  )
}
