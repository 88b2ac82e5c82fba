/**
 * Creates, attaches and starts one container, or leaves nothing behind.
 *
 * Theory of operation. The name is chosen here, so a container can be removed also when the engine's answer to the
 * creation never arrives. The creation is never canceled on the wire: the engine would finish it all the same, only
 * unheard. On an abort the caller's promise is settled after the creation's answer and the removal, for as long as
 * {@link CLEANUP_IN_FOREGROUND_MS}; a removal that takes longer goes on in the background. What even that cannot reach (an
 * engine that stays away) is found by its labels in the next sweep and ends itself by its own deadline.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { EngineUnavailableError } from '../../errors.js'
import type { ContainerSpec } from '../../policy/container-spec.js'
import { CONTAINER_NAME_PREFIX, LABELS } from '../../policy/labels.js'
import type { CreatedContainer } from '../driver.js'
import { attach, type Attachment } from './attach.js'
import { DockerContainer } from './container-handle.js'
import { buildContainerRequest, type ContainerRequest } from './container-request.js'
import type { EngineClient } from './engine-client.js'
import { removeContainer } from './removal.js'
import { seccompOption } from './seccomp-option.js'

/** Milliseconds for the two requests that do heavy work on the engine's side. */
export interface LaunchTimeouts {
  readonly createMs: number
  readonly startMs: number
}

/** A container that waits for its start, as this engine makes it. */
export interface AttachedContainer extends CreatedContainer {
  start(): Promise<DockerContainer>
}

/** A failed launch waits this long for its removal before it reports the failure. */
const CLEANUP_IN_FOREGROUND_MS = 10_000

/** The removal of a failed launch is given up after this time. */
const CLEANUP_MS = 60_000

/** How long a container may still appear after a creation whose answer was lost. */
const LATE_CREATION_MS = 5_000

/** Failures to connect: the engine has never heard of the request. */
const NEVER_SENT: readonly unknown[] = [
  'ENOENT',
  'ECONNREFUSED',
  'EACCES',
  'EPERM',
  'ENOTSOCK',
  'ENOTFOUND',
  'EAI_AGAIN',
]

/** What a launch needs besides the spec. */
export interface LaunchContext {
  readonly client: EngineClient
  readonly timeouts: LaunchTimeouts
  readonly signal?: AbortSignal | undefined
  /** Takes over a removal that goes on after the launch has failed. */
  readonly inBackground: (work: Promise<unknown>) => void
}

/**
 * @throws {EngineUnavailableError} {@link EngineRequestError} or the reason of `signal`
 */
export async function launchContainer(spec: ContainerSpec, context: LaunchContext): Promise<DockerContainer> {
  const created = await createAttached(spec, context)
  return created.start()
}

/**
 * The first half of {@link launchContainer}: the container is made and attached to, and waits for its start.
 * @throws as {@link launchContainer} does
 */
export async function createAttached(spec: ContainerSpec, context: LaunchContext): Promise<AttachedContainer> {
  const { client, timeouts, signal } = context
  const connection = await client.connect(signal)
  const request = buildContainerRequest(spec, {
    seccomp: await seccompOption(spec.seccomp, connection),
    engine: connection.version.product,
  })
  const name = containerName(spec)
  const creation = createContainer(client, name, request, timeouts.createMs)
  let attachment: Attachment | null = null
  const give = async (error: unknown): Promise<void> => {
    attachment?.destroy()
    await cleanUp(context, name, creation, error)
  }
  try {
    const id = await unlessAborted(creation, signal)
    const attached = (attachment = await attach(client, id, { signal }))
    return {
      id,
      async start() {
        try {
          await startContainer(client, id, timeouts.startMs, signal)
          return new DockerContainer(client, { id, name }, attached)
        } catch (error) {
          await give(error)
          throw error
        }
      },
      discard: () => give(null),
    }
  } catch (error) {
    await give(error)
    throw error
  }
}

/** A sandbox and its tracer have one id. */
function containerName({ labels }: ContainerSpec): string {
  const suffix = labels[LABELS.role] === 'tracer' ? '-tracer' : ''
  return CONTAINER_NAME_PREFIX + (labels[LABELS.sandboxId] || randomUUID()) + suffix
}

async function createContainer(
  client: EngineClient,
  name: string,
  request: ContainerRequest,
  timeoutMs: number,
): Promise<string> {
  const answer = await client.request({
    what: 'create a container',
    method: 'POST',
    path: '/containers/create',
    query: { name },
    body: request,
    timeoutMs,
  })
  return (answer as { Id: string }).Id
}

async function startContainer(
  client: EngineClient,
  id: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const path = `/containers/${id}/start`
  await client.request({ what: 'start a container', method: 'POST', path, timeoutMs, signal })
}

async function cleanUp(
  { client, inBackground }: LaunchContext,
  name: string,
  creation: Promise<string>,
  failure: unknown,
): Promise<void> {
  const removal = removeLeftover(client, name, creation).catch(() => undefined)
  // An engine that just failed to answer will not answer the removal at once: its caller need not wait for that.
  const isDeaf = failure instanceof EngineUnavailableError && failure.details.code === 'ETIMEDOUT'
  const patience = new AbortController()
  if (!isDeaf) {
    const expiry = delay(CLEANUP_IN_FOREGROUND_MS, undefined, { signal: patience.signal }).catch(() => undefined)
    await Promise.race([removal, expiry])
  }
  patience.abort()
  inBackground(removal)
}

async function removeLeftover(client: EngineClient, name: string, creation: Promise<string>): Promise<void> {
  const failure = await creation.then(
    () => null,
    (error: unknown) => error as Error,
  )
  const isUnknown = failure instanceof EngineUnavailableError && !NEVER_SENT.includes(failure.details.code)
  // A refusal can be a conflict with a container that has this name and is not ours to remove.
  if (failure !== null && !isUnknown) return
  await removeContainer(client, name, { timeoutMs: CLEANUP_MS, absentForMs: isUnknown ? LATE_CREATION_MS : 0 })
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
