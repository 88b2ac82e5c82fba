import { SandboxPool } from 'container-sandbox'

const pool = await SandboxPool.open({ templates: { default: { writable: ['/work'] } }, idle: 1, maxUses: 5 })
const ids = []

async function serve(tenant) {
  const lease = await pool.acquire({ affinity: tenant, timeoutMs: 30_000 })
  try {
    const { stdout } = await lease.sandbox.shell('ls /work | wc -l; touch /work/mine')
    const which = ids.includes(lease.sandbox.id) ? 'the same sandbox' : 'a new sandbox'
    console.log(`${tenant}: use ${lease.use} of ${which}, files in it: ${stdout.trim()}`)
    ids.push(lease.sandbox.id)
  } finally {
    await lease.release()
  }
}

try {
  await serve('alice')
  await serve('alice')
  await serve('bob')
} finally {
  await pool.close()
}
