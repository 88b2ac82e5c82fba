import { QueueFullError } from '../errors.js'
import { group } from '../options/index.js'
import { quoteText } from '../printable.js'
import type { QueueRules } from './queue-rules.js'
import type { TenantNode } from './tenant-node.js'

/** Refuses one more waiting job where the queue, the tenant or one of its parents is full. @throws {QueueFullError} */
export function assertRoom(root: TenantNode, tenant: string, rules: QueueRules): void {
  const { maxWaiting } = rules.all
  if (root.waiting >= maxWaiting) {
    throw new QueueFullError(
      `The queue is full: ${group(root.waiting)} jobs wait, ${group(maxWaiting)} may. Try again later, or raise maxWaiting`,
      { details: { limit: maxWaiting, waiting: root.waiting } },
    )
  }
  let node: TenantNode | undefined = root
  for (const name of tenant.split('/')) {
    node = node.children.get(name)
    // Nothing of this tenant or below it waits, and every limit lets one wait.
    if (node === undefined) return
    const { path, waiting } = node
    const limit = node.rules.maxWaiting
    if (waiting < limit) continue
    throw new QueueFullError(
      `The queue is full for the tenant ${quoteText(path)}: ${group(waiting)} of its jobs wait, ${group(limit)} may. ` +
        'Try again later, or raise maxWaitingPerTenant or its own maxWaiting',
      { details: { limit, waiting, tenant: path } },
    )
  }
}
