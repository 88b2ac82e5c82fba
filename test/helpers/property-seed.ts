/**
 * Property tests draw the same cases in every run, so that a failure in CI is about the change and not about luck.
 * `FAST_CHECK_SEED=random` explores others, a number repeats the cases of that run.
 */
import fc from 'fast-check'

const SEED = 20_261_122
const given = process.env['FAST_CHECK_SEED']

if (given !== 'random') fc.configureGlobal({ seed: given === undefined ? SEED : Number(given) })
