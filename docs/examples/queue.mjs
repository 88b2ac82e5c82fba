import PQueue from 'p-queue'
import { FairQueue, QueueFullError, TenantQueue } from 'container-sandbox'

const started = []
const job = (name) => () => started.push(name)

// Runs jobs, with caps and a budget: here of 4 units, of which each job takes 2, and of 3 jobs that wait for each tenant.
const queue = new TenantQueue({ concurrency: 8, capacity: 4, maxWaitingPerTenant: 3, tenants: { acme: { weight: 2 } } })
queue.pause()
const done = [1, 2, 3].map((n) => queue.add(job(`alice ${n}`), { tenant: 'acme/alice', units: 2 }))
done.push(...[1, 2, 3].map((n) => queue.add(job(`rival ${n}`), { tenant: 'rival', units: 2 })))
await queue.add(job('bob 1'), { tenant: 'acme/bob' }).catch((error) => console.log(error instanceof QueueFullError))
queue.start()
await Promise.all(done)
console.log(started.splice(0).join(', '))

// The order alone, for a p-queue of your own.
const plain = new PQueue({ concurrency: 1, queueClass: FairQueue, autoStart: false })
for (const n of [1, 2, 3]) void plain.add(job(`flood ${n}`), { tenant: 'flood' })
void plain.add(job('light 1'), { tenant: 'light' })
await plain.start().onIdle()
console.log(started.join(', '))
