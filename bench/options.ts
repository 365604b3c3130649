/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import { SpecError } from '../src/gpu/errors.js';
import type { AdapterChoice } from './browser.js';
import { WORKLOAD_NAMES, type WorkloadName } from './workloads.js';

/** Every peer; each workload says who of them takes part. */
export const PEER_NAMES = ['webgpu-vae', 'jax-js', 'tfjs', 'onnxruntime', 'torch', 'naive'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export interface Options {
  readonly workloads: readonly WorkloadName[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  readonly adapter: AdapterChoice;
  /** The command as the user could type it again. */
  readonly command: string;
}

const DEFAULT_ROUNDS = 7;
const ADAPTERS = ['default', 'swiftshader'] as const;

/** Splits a list and refuses a word that is not among the known ones. */
function choices<T extends string>(
  flag: string,
  given: string | undefined,
  known: readonly T[],
): readonly T[] {
  if (given === undefined) return known;
  const words = given.split(',');
  const stranger = words.find((word) => !known.some((name) => name === word));
  if (stranger !== undefined) {
    throw new SpecError(
      `bench --${flag}`,
      `${stranger} is not known; there are ${known.join(', ')}; name one of them`,
    );
  }
  return known.filter((name) => words.includes(name));
}

/** Reads the arguments; throws with the known values where one is not known. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
      adapter: { type: 'string', default: 'default' },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new SpecError(
      'bench --rounds',
      `${values.rounds} came; a whole number from 1 was expected; leave it out for 7`,
    );
  }
  return {
    workloads: choices('only', values.only, WORKLOAD_NAMES),
    peers: choices('peers', values.peers, PEER_NAMES),
    rounds,
    adapter: choices('adapter', values.adapter, ADAPTERS)[0] ?? 'default',
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
}
