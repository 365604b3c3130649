/**
 * The side-by-side measurement: every peer on every workload in one run on one adapter.
 *
 *     npm run bench -- [--only dense-step,...] [--peers webgpu-vae,jax-js,...] [--rounds 7] [--adapter swiftshader]
 *
 * Prints the tables, writes out/bench.json, and, when no peer was left out, docs/performance.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { findTorch } from '../e2e/find-torch.js';
import { DeviceError } from '../src/gpu/errors.js';
import { BenchServer, BrowserContestant } from './browser.js';
import type { Contestant } from './contestant.js';
import { parseOptions, PEER_NAMES, type Options } from './options.js';
import { markdownTable, withTable, type Setting } from './report.js';
import { measure, type Result } from './schedule.js';
import { describeSetting } from './setting.js';
import { provideOnnxruntime } from './onnxruntime.js';
import { summaries, type Summary } from './summary.js';
import { TorchContestant } from './torch.js';
import { Truth } from './truth.js';
import { workload, type Workload, type WorkloadName } from './workloads.js';

const DOCUMENT = new URL('../docs/performance.md', import.meta.url);
const OUT = new URL('../out/', import.meta.url);

/** What one workload yielded. */
interface Measured {
  readonly workload: Workload;
  readonly results: readonly Result[];
  readonly rows: readonly Summary[];
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
  readonly #truth = new Truth(this.#python);
  readonly #versions = new Map<string, string>();
  #browser = '';

  constructor(options: Options) {
    this.#options = options;
    if (this.#python === undefined) console.log('No python3 on PATH imports torch: PyTorch is left out.');
  }

  /** The peers of a workload that were asked for and that are here. `webgpu-vae` stands for all of its rows. */
  #peers({ peers }: Workload): string[] {
    const asked = peers.filter((peer) => this.#options.peers.some((name) => name === peer.split(' ', 1)[0]));
    return asked.filter((peer) => {
      if (peer === 'torch') return this.#python !== undefined;
      return peer !== 'onnxruntime' || this.#versions.has(peer);
    });
  }

  async #measure(name: WorkloadName, url: string): Promise<Measured> {
    const facts = workload(name);
    const enter = (peer: string): Contestant =>
      peer === 'torch' && this.#python !== undefined
        ? new TorchContestant(this.#python, name)
        : new BrowserContestant(peer, url, this.#options.adapter);
    const peers = [...this.#peers(facts), 'ceiling'];
    const lossesOf = (peer: string): readonly number[] => this.#truth.losses(name, peer);
    for (const peer of peers) lossesOf(peer); // computed before anything is timed
    const contestants = new Map(peers.map((peer) => [peer, enter(peer)]));
    const results = await measure(facts, contestants, this.#options.rounds, (peer) => lossesOf(peer).length);
    requireOneAdapter(results);
    const torch = results.find(({ peer }) => peer === 'torch')?.opened?.adapter;
    if (torch !== undefined) this.#versions.set('torch', torch.replace(/^PyTorch /, ''));
    for (const contestant of contestants.values()) {
      if (contestant instanceof BrowserContestant) this.#browser = contestant.version;
    }
    return { workload: facts, results, rows: summaries(results, facts, lossesOf) };
  }

  async all(): Promise<void> {
    const server = await BenchServer.start();
    if (this.#options.workloads.includes('decode-one')) this.#provideOnnxruntime();
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

  #provideOnnxruntime(): void {
    if (!this.#options.peers.includes('onnxruntime')) return;
    this.#versions.set('onnxruntime', provideOnnxruntime());
  }

  #setting(): Setting {
    return describeSetting(this.#options, this.#browser, this.#versions);
  }

  #write(measured: readonly Measured[]): void {
    const setting = this.#setting();
    mkdirSync(OUT, { recursive: true });
    writeFileSync(new URL('bench.json', OUT), JSON.stringify({ setting, measured }, null, 1));
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
