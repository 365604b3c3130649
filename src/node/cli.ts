#!/usr/bin/env node
/**
 * The program webgpu-vae. Exit codes: 0 done, 1 refused or failed (one line on stderr, the stack only with
 * DEBUG set), 2 a command line that is no command line, 130 ended by Ctrl-C.
 */
import { Command, CommanderError, Option } from 'commander';
import { VaeError } from '../gpu/errors.js';
import { baselineCommand } from './cli/baseline.js';
import { benchDeviceCommand, type BenchDeviceSettings } from './cli/bench-device.js';
import { addCodeCommands } from './cli/code-options.js';
import { evaluateCommand, sampleCommand } from './cli/checkpoint.js';
import {
  compressCommand,
  decompressCommand,
  type CompressSettings,
  type DecompressSettings,
} from './cli/coding.js';
import { infoCommand, type InfoSettings } from './cli/info.js';
import {
  exportCommand,
  exportTargets,
  importCommand,
  type ExportSettings,
  type ImportSettings,
} from './cli/leaving.js';
import {
  addAdapterOption,
  addBoundOptions,
  addDataOptions,
  addModelOptions,
  addOptimizationOptions,
  addSaveEveryOption,
  addTuningOption,
  baselineModels,
  choice,
  modelFlags,
  real,
  whole,
  type BaselineSettings,
  type EvaluateSettings,
  type PlanSettings,
  type ResumeSettings,
  type SampleSettings,
  type TrainSettings,
  type TuneSettings,
} from './cli/options.js';
import type { PresetName } from '../vae/presets.js';
import { planCommand } from './cli/plan.js';
import { resumeCommand, trainCommand } from './cli/train.js';
import { tuneCommand } from './cli/tune.js';
import { packageVersion } from './package.js';

const usageCode = 2;

interface Defaults {
  readonly model: PresetName;
  readonly batch: number;
  readonly learningRate: number;
  readonly epochs: number;
}

const trainDefaults: Defaults = { model: 'dense', batch: 128, learningRate: 1e-3, epochs: 5 };

/** Good pictures in about three minutes on a software adapter, where each of the 313 steps takes about 0.6 s. */
const startDefaults: Defaults = { model: 'conv', batch: 64, learningRate: 2e-3, epochs: 1 };

const trainings = [
  {
    name: 'train',
    description: 'train a model and write it, its terms and its pictures into a folder',
    defaults: trainDefaults,
  },
  {
    name: 'start',
    description: 'train a convolutional model, with settings that show something soon',
    defaults: startDefaults,
  },
];

/** What follows a command's options in its help. */
const examples: Readonly<Record<string, string>> = {
  start: 'start',
  train: 'train --data mnist --model conv --latent 2 --epochs 3 --out run',
  resume: 'resume run',
  plan: 'plan --model conv --batch 64',
  tune: 'tune --model conv --batch 64 --out tuning.json',
  evaluate: 'evaluate run --importance 500 --limit 100 --json',
  sample: 'sample run --count 100 --seed 3 --out pictures',
  encode: 'encode run --limit 1000 --out codes.npy',
  decode: 'decode run codes.npy --out decoded.png',
  reconstruct: 'reconstruct run --limit 20 --out reconstructions.png',
  interpolate: 'interpolate run --from 3 --to 8 --path spherical',
  compress: 'compress run --limit 1000 --out images.wvae',
  decompress: 'decompress run images.wvae --out images',
  baseline: 'baseline --model ppca --latent 20',
  export: 'export run --to onnx --out exported',
  import: 'import weights.safetensors --spec spec.json --out imported',
  info: 'info run',
  'bench-device': 'bench-device --json',
};

/** A default of false would be printed in the help of every switch. */
const switchedOff = {
  condition: false,
  binarize: false,
  json: false,
  profile: false,
  all: false,
  disentanglement: false,
  embedTables: false,
};
type Typed<S> = Omit<S, keyof typeof switchedOff>;

/** Resolves with the exit code of the command that ran. */
async function runProgram(words: readonly string[]): Promise<number> {
  let code = 0;
  const program = new Command('webgpu-vae')
    .description('Trains and runs variational autoencoders on WebGPU.')
    .version(packageVersion())
    .exitOverride() // subcommands inherit this and the next
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'webgpu-vae: ')),
    });
  for (const { name, description, defaults } of trainings) {
    addTraining(program.command(name).description(description), defaults).action(
      async (settings: Typed<TrainSettings>, command: Command) => {
        code = await trainCommand({ ...switchedOff, ...settings }, typedOptions(command));
      },
    );
  }
  addResuming(program.command('resume')).action(
    async (path: string, settings: Typed<ResumeSettings>, command: Command) => {
      code = await resumeCommand({ ...switchedOff, ...settings, resume: path }, typedOptions(command));
    },
  );
  addTuningOption(addPlanning(program.command('plan'), trainDefaults))
    .description('print what one training step does: dispatches, kernels, shapes, cost, buffers, memory')
    .action(async (settings: Typed<PlanSettings>, command: Command) => {
      code = await planCommand({ ...switchedOff, ...settings }, typedModelOptions(command));
    });
  addTuning(program.command('tune')).action(async (settings: Typed<TuneSettings>, command: Command) => {
    code = await tuneCommand({ ...switchedOff, ...settings }, typedModelOptions(command));
  });
  addEvaluation(program.command('evaluate')).action(
    async (path: string, settings: Typed<EvaluateSettings>) => {
      code = await evaluateCommand(path, { ...switchedOff, ...settings });
    },
  );
  addSampling(program.command('sample')).action(async (path: string, settings: SampleSettings) => {
    code = await sampleCommand(path, settings);
  });
  addCodeCommands(program, (codeOfCommand) => (code = codeOfCommand));
  addCompression(program.command('compress')).action(
    async (path: string, settings: Typed<CompressSettings>) => {
      code = await compressCommand(path, { ...switchedOff, ...settings });
    },
  );
  addDecompression(program.command('decompress')).action(
    async (path: string, coded: string, settings: DecompressSettings) => {
      code = await decompressCommand(path, coded, settings);
    },
  );
  addExport(program.command('export')).action(async (path: string, settings: ExportSettings) => {
    code = await exportCommand(path, settings);
  });
  addImport(program.command('import')).action(async (path: string, settings: ImportSettings) => {
    code = await importCommand(path, settings);
  });
  addInfo(program.command('info')).action(async (path: string, { json = false }: Partial<InfoSettings>) => {
    code = await infoCommand(path, { json });
  });
  addBaseline(program.command('baseline')).action(async (settings: Typed<BaselineSettings>) => {
    code = await baselineCommand({ ...switchedOff, ...settings });
  });
  addAdapterOption(program.command('bench-device'))
    .description('measure this adapter: arithmetic, memory, a submit, and training steps of two models')
    .addOption(whole('--steps <n>', 'measured training steps of each model', { least: 1 }).default(10))
    .option('--json', 'print what was measured as JSON')
    .action(async (settings: Typed<BenchDeviceSettings>) => {
      code = await benchDeviceCommand({ ...switchedOff, ...settings });
    });
  for (const command of program.commands)
    command.addHelpText('after', `\nExample:\n  webgpu-vae ${examples[command.name()]}`);
  await program.parseAsync(words);
  return code;
}

function addPlanning(command: Command, defaults: Defaults): Command {
  addModelOptions(addDataOptions(command), defaults);
  command.optionsGroup('Training:');
  addOptimizationOptions(addBoundOptions(command), defaults);
  return addAdapterOption(command.optionsGroup('Device:'));
}

function addTraining(command: Command, defaults: Defaults): Command {
  addTuningOption(addPlanning(command, defaults))
    .option('--profile', 'time every dispatch after training, and state its share of the roof')
    .optionsGroup('Training:')
    .addOption(whole('--epochs <n>', 'passes over the data', { least: 1 }).default(defaults.epochs));
  return addSaveEveryOption(command)
    .option('--resume [file]', 'go on from this training.safetensors, or from the one in --out')
    .optionsGroup('Output:')
    .option('--out <folder>', 'where the files go', 'out')
    .option('--json', 'print the report as the last line of stdout');
}

function addResuming(command: Command): Command {
  addSaveEveryOption(addAdapterOption(command))
    .description('go on with a run that was interrupted, or that is to have more epochs')
    .argument('<folder>', 'of the run, or its training.safetensors')
    .addOption(whole('--epochs <n>', "of the whole run (default: the run's own)", { least: 1 }));
  return command
    .option('--profile', 'time every dispatch after training, and state its share of the roof')
    .option('--json', 'print the report as the last line of stdout');
}

function addTuning(command: Command): Command {
  return addPlanning(command, startDefaults)
    .description('measure kernels for the products of a training step on this adapter, and write a table')
    .optionsGroup('Measuring:')
    .addOption(whole('--rounds <n>', 'runs of a candidate', { least: 1 }).default(5))
    .addOption(real('--bound <ms>', 'stop running a candidate after this time', { above: 0 }).default(2000))
    .option('--all', 'also kernels that are not expected to be fast on this kind of adapter')
    .optionsGroup('Output:')
    .option('--out <file>', 'where the table goes', 'tuning.json');
}

function addEvaluation(command: Command): Command {
  addAdapterOption(addBoundOptions(addDataOptions(command).optionsGroup('Options:')));
  return command
    .description('print the terms of a checkpoint on the test part')
    .argument('<model>', 'model.safetensors, or the folder that holds it')
    .option('--binarize', 'draw every pixel as 0 or 1')
    .addOption(whole('--seed <n>', 'of the noise', { least: 0 }).default(0))
    .optionsGroup('More measures (docs/evaluation.md):')
    .addOption(whole('--importance <k>', 'log p(x) from k samples an image, such as 5000', { least: 1 }))
    .addOption(whole('--split-kl <n>', 'the KL term in three parts, by n images, such as 2000', { least: 2 }))
    .option('--disentanglement', 'MIG, DCI, SAP and FactorVAE score, for data with known factors')
    .optionsGroup('Output:')
    .option(
      '--out <folder>',
      'write evaluation.json, and pictures of latents, traversals and reconstructions',
    )
    .option('--json', 'print what was measured as JSON');
}

function addSampling(command: Command): Command {
  return addAdapterOption(command)
    .description('write samples.png: decoded samples of the prior')
    .argument('<model>', 'model.safetensors, or the folder that holds it')
    .addOption(whole('--count <n>', 'how many', { least: 1 }).default(64))
    .addOption(whole('--label <n>', 'the class to draw (default: a column each)', { least: 0 }))
    .addOption(whole('--seed <n>', 'of the samples', { least: 0 }).default(0))
    .option('--out <folder|file>', 'where samples.png goes, or a .png, .npy or .csv file', 'out');
}

function addCompression(command: Command): Command {
  addAdapterOption(addDataOptions(command).optionsGroup('Options:'));
  return command
    .description(
      'write images into one .wvae file: lossy with a factorized prior, else lossless by bits-back',
    )
    .argument('<model>', 'model.safetensors, or the folder that holds it')
    .addOption(new Option('--part <name>', 'of the data set').choices(['train', 'test']).default('test'))
    .option('--binarize', 'make every pixel 0 or 1, at one half')
    .option('--embed-tables', "put the prior's tables into the file")
    .option('--out <file>', 'where the file goes', 'images.wvae')
    .option('--json', 'print the sizes as JSON');
}

function addDecompression(command: Command): Command {
  return addAdapterOption(command)
    .description('write the images of a .wvae file as PNG files')
    .argument('<model>', 'the model that the file was made with')
    .argument('<file>', 'what compress wrote')
    .option('--out <folder>', 'where the pictures go', 'images');
}

function addExport(command: Command): Command {
  return command
    .description('write a model for PyTorch (weights, model.py, train_ddp.py) or as ONNX graphs to serve')
    .argument('<model>', 'model.safetensors, or the folder that holds it')
    .addOption(choice('--to <name>', 'what for', exportTargets).makeOptionMandatory())
    .option('--graphs <names>', 'of onnx, separated by commas (default: encoder,decoder,sampler)')
    .option('--out <folder>', 'where the files go', 'exported');
}

function addImport(command: Command): Command {
  return command
    .description('make a model of weights that PyTorch saved as safetensors')
    .argument('<weights>', 'a safetensors file of a state_dict')
    .requiredOption('--spec <file>', 'the specification as JSON')
    .option('--map <file>', 'names, transposed and absentBias as JSON (docs/export.md)')
    .option('--out <file>', 'where the model goes', 'imported.safetensors');
}

function addInfo(command: Command): Command {
  return command
    .description('print the specification, the tensors and the digest of a model')
    .argument('<model>', 'a safetensors file, or the folder that holds model.safetensors')
    .option('--json', 'print it as JSON');
}

function addBaseline(command: Command): Command {
  addDataOptions(command)
    .description('fit a linear model to the same data, and print its exact likelihood')
    .optionsGroup('Model:')
    .addOption(
      choice('--model <name>', 'probabilistic PCA, factor analysis, PCA', baselineModels).default('ppca'),
    )
    .addOption(whole('--latent <n>', 'size of the latent', { least: 1 }).default(20))
    .addOption(
      real('--floor <n>', 'least noise variance of a pixel (default: 1e-4 of the mean)', { above: 0 }),
    )
    .optionsGroup('Fit:')
    .addOption(choice('--method <name>', 'of ppca (default: closed-form)', ['closed-form', 'em']))
    .addOption(whole('--iterations <n>', 'of EM, at most', { least: 1 }).default(200))
    .addOption(
      real('--tolerance <n>', 'nats that an iteration of EM has to gain', { least: 0 }).default(1e-3),
    )
    .addOption(whole('--seed <n>', "of EM's first weights", { least: 0 }).default(0));
  return addAdapterOption(command.optionsGroup('Device:'))
    .optionsGroup('Output:')
    .option('--out <folder>', 'where the files go', 'out')
    .option('--json', 'print the report as the last line of stdout');
}

/** The names of the options that stand on the command line. */
function typedOptions(command: Command): string[] {
  const names = command.options.map((option) => option.attributeName());
  return names.filter((name) => command.getOptionValueSource(name) === 'cli');
}

function typedModelOptions(command: Command): string[] {
  return modelFlags.filter((name) => typedOptions(command).includes(name));
}

/** Says on stderr what went wrong, once. */
function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageCode; // it has said so itself
  const isOurs = error instanceof VaeError;
  const text = isOurs && !process.env['DEBUG'] ? error.message : stackOf(error);
  process.stderr.write(`webgpu-vae: ${text}\n`);
  return 1;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** A reader such as `head` may close its end early; that is no failure of ours. */
process.stdout.on('error', () => process.exit(0));
/** The same of stderr must not end a training: its results are in files. */
process.stderr.on('error', () => undefined);

const code = await runProgram(process.argv).catch(codeOf);
// Dawn keeps the process alive as long as it holds an instance, so the end is ours to make, after the output.
process.stdout.write('', () => process.exit(code));
