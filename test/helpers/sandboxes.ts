/** Sandboxes for tests: made, handed over, and always killed. */
import Docker from 'dockerode'
import { ownIdentity } from '../../src/driver/host-identity.js'
import { ContainerSandbox, type SandboxOptions } from '../../src/index.js'
import { LABELS } from '../../src/policy/labels.js'

export const engine = new Docker()

/** Runs `work` with a fresh sandbox that is gone afterwards, whatever happens. */
export async function withSandbox<T>(
  options: SandboxOptions,
  work: (sandbox: ContainerSandbox) => Promise<T>,
): Promise<T> {
  const sandbox = await ContainerSandbox.create(options)
  try {
    return await work(sandbox)
  } finally {
    await sandbox.kill()
  }
}

/** The containers that the engine still has for a sandbox. */
export async function containersOf(sandboxId: string): Promise<string[]> {
  const filters = { label: [`${LABELS.sandboxId}=${sandboxId}`] }
  return (await engine.listContainers({ all: true, filters })).map(({ Id }) => Id)
}

/** The containers that the engine has of this process, in any state. */
export async function ownContainers(): Promise<string[]> {
  const { hostname, pid, startTicks } = ownIdentity()
  const filters = { label: [`${LABELS.owner}=${hostname}:${pid}:${startTicks}`] }
  return (await engine.listContainers({ all: true, filters })).map(({ Id }) => Id)
}

/** What a promise rejects with; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )
}
