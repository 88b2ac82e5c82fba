/** The driver for engines with Docker's API. */
export { DockerDriver } from './docker-driver.js'
