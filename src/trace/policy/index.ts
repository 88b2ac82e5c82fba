/** From the lists of a policy to verdicts. */
export { compilePolicy } from './compile-policy.js'
