/**
 * The side-by-side measurement: every peer on every workload in one run on one adapter.
 *
 *     npm run bench -- [--only dense-step,...] [--peers webgpu-vae,jax-js,...] [--rounds 7] [--adapter swiftshader]
 *
 * Prints the tables, writes out/bench.json, and, when no peer was left out, docs/performance.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DeviceError } from '../src/gpu/errors.js';
import { BenchServer, BrowserContestant } from './browser.js';
import type { Contestant } from './contestant.js';
import { parseOptions, PEER_NAMES, type Options } from './options.js';
import { markdownTable, summaries, withTable, type Setting, type Summary } from './report.js';
import { measure, type Result } from './schedule.js';
import { describeSetting } from './setting.js';
import { findTorch, TorchContestant, writeTrainingData } from './torch.js';
import { trueLosses } from './truth.js';
import { isMatmul, workload, type Workload, type WorkloadName } from './workloads.js';

const DOCUMENT = new URL('../docs/performance.md', import.meta.url);
const OUT = new URL('../out/', import.meta.url);

/** What one workload yielded. */
interface Measured {
  readonly workload: Workload;
  readonly results: readonly Result[];
  readonly rows: readonly Summary[];
}

/** The bare kernel has no training and PyTorch no adapter: each is in the workloads where it says something. */
function takesPart(peer: string, name: WorkloadName, python: string | undefined): boolean {
  if (peer === 'torch') return !isMatmul(name) && python !== undefined;
  return peer !== 'naive' || isMatmul(name);
}

/** A ratio between two adapters says nothing of the libraries. */
function requireOneAdapter(results: readonly Result[]): void {
  const inPages = results.filter(({ peer, opened }) => peer !== 'torch' && opened !== undefined);
  const adapters = new Set(inPages.map(({ opened }) => opened?.adapter));
  if (adapters.size > 1) {
    throw new DeviceError(
      'bench',
      `the peers ran on ${[...adapters].join(' and ')}; one adapter was expected; name it with --adapter`,
    );
  }
}

class Run {
  readonly #options: Options;
  readonly #python = findTorch();
  readonly #truth: readonly number[];
  #browser = '';
  #torch: string | undefined;

  constructor(options: Options) {
    this.#options = options;
    writeTrainingData();
    this.#truth = trueLosses(this.#python);
    if (this.#python === undefined) console.log('No python3 on PATH imports torch: PyTorch is left out.');
  }

  #contestants(name: WorkloadName, url: string): Map<string, Contestant> {
    const peers = [...this.#options.peers, 'ceiling'].filter((peer) => takesPart(peer, name, this.#python));
    const enter = (peer: string): Contestant =>
      peer === 'torch' && this.#python !== undefined
        ? new TorchContestant(this.#python)
        : new BrowserContestant(peer, url, this.#options.adapter);
    return new Map(peers.map((peer) => [peer, enter(peer)]));
  }

  async #measure(name: WorkloadName, url: string): Promise<Measured> {
    const facts = workload(name);
    const contestants = this.#contestants(name, url);
    const results = await measure(facts, contestants, this.#options.rounds);
    requireOneAdapter(results);
    this.#torch = results.find(({ peer }) => peer === 'torch')?.opened?.adapter ?? this.#torch;
    for (const contestant of contestants.values()) {
      if (contestant instanceof BrowserContestant) this.#browser = contestant.version;
    }
    return { workload: facts, results, rows: summaries(results, facts, this.#truth) };
  }

  async all(): Promise<void> {
    const server = await BenchServer.start();
    const measured: Measured[] = [];
    try {
      for (const name of this.#options.workloads) {
        const next = await this.#measure(name, server.url);
        measured.push(next);
        console.log(`\n${markdownTable(next.workload, next.rows, this.#setting())}`);
      }
    } finally {
      await server.close();
    }
    this.#write(measured);
  }

  #setting(): Setting {
    return describeSetting(this.#options, this.#browser, this.#torch);
  }

  #write(measured: readonly Measured[]): void {
    const setting = this.#setting();
    mkdirSync(OUT, { recursive: true });
    writeFileSync(
      new URL('bench.json', OUT),
      JSON.stringify({ setting, truth: this.#truth, measured }, null, 1),
    );
    if (this.#options.peers.length < PEER_NAMES.length) return;
    const document = measured.reduce(
      (text, { workload: facts, rows }) => withTable(text, facts, markdownTable(facts, rows, setting)),
      readFileSync(DOCUMENT, 'utf8'),
    );
    writeFileSync(DOCUMENT, document);
  }
}

const start = performance.now();
await new Run(parseOptions(process.argv.slice(2))).all();
console.log(`\nThe run took ${((performance.now() - start) / 1000).toFixed(0)} s.`);
