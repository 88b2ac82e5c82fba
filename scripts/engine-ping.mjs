/**
 * Asks the container engine for a sign of life, with nothing but node: it runs before anything is installed.
 *
 *     node scripts/engine-ping.mjs [--deadline-ms 1000]
 *
 * Exit code 0: an engine answers. 1: none answers. 2: it is there, but this user may not use it. 3: cannot be asked from
 * here (ssh, or a docker context), which the caller takes as the user's own arrangement. Words are on stderr.
 */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { 'deadline-ms': { type: 'string', default: '1000' } } })
const deadlineMs = Number(values['deadline-ms'])

/** The name of the docker context in use, or `default`. */
function currentContext() {
  if (process.env.DOCKER_CONTEXT) return process.env.DOCKER_CONTEXT
  try {
    const folder = process.env.DOCKER_CONFIG ?? join(homedir(), '.docker')
    return JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')).currentContext || 'default'
  } catch {
    return 'default'
  }
}

function finish(code, words) {
  process.stderr.write(`${words}\n`)
  process.exit(code)
}

const host = process.env.DOCKER_HOST || (currentContext() === 'default' ? 'unix:///var/run/docker.sock' : null)
if (host === null) finish(3, `The docker context '${currentContext()}' is in use.`)
const url = new URL(host)
if (url.protocol === 'ssh:') finish(3, `The engine is reached over ssh: ${url.host}.`)

function requestOptions() {
  if (url.protocol === 'unix:') return { socketPath: decodeURIComponent(url.pathname), path: '/_ping' }
  const options = { host: url.hostname, port: url.port || 2375, path: '/_ping' }
  const certificates = process.env.DOCKER_CERT_PATH
  if (!process.env.DOCKER_TLS_VERIFY || !certificates) return options
  const read = (name) => readFileSync(join(certificates, name))
  return { ...options, port: url.port || 2376, ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
}

const options = requestOptions()
const request = (options.ca ? https : http).get(options, (response) => {
  response.resume()
  finish(response.statusCode === 200 ? 0 : 1, `${host} answers with status ${response.statusCode}.`)
})
request.on('error', (error) => {
  const forbidden = error.code === 'EACCES' || error.code === 'EPERM'
  finish(forbidden ? 2 : 1, `No engine answers at ${host}: ${error.code ?? error.message}.`)
})
// A stopped daemon accepts the connection and never answers.
setTimeout(() => finish(1, `No engine answers at ${host} within ${deadlineMs} ms.`), deadlineMs)
