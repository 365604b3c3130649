/** What encode, decode, reconstruct and interpolate take. */
import { type Command, Option } from 'commander';
import {
  decodeCommand,
  encodeCommand,
  interpolateCommand,
  reconstructCommand,
  type DecodeSettings,
  type EncodeSettings,
  type ImagesSettings,
  type InterpolateSettings,
} from './codes.js';
import { addAdapterOption, addDataOptions, choice, whole } from './options.js';

const MODEL = 'model.safetensors, or the folder that holds it';
const ROWS = '.npy or .csv';
const PICTURES = '.png, .npy or .csv';

/** Commander leaves a switch that was not typed undefined. */
const switchedOff = { json: false, logVariance: false };
type Typed<S> = Omit<S, keyof typeof switchedOff>;

/** Adds the four commands; `finished` receives the exit code. */
export function addCodeCommands(program: Command, finished: (code: number) => void): void {
  withImages(program.command('encode'), 'codes.npy', ROWS)
    .description('write the codes of images: the posterior means, f32[N, K]')
    .option('--log-variance', 'also their log-variances, behind the means')
    .action(async (path: string, settings: Typed<EncodeSettings>) => {
      finished(await encodeCommand(path, { ...switchedOff, ...settings }));
    });
  addAdapterOption(program.command('decode'))
    .description('write the images of codes')
    .argument('<model>', MODEL)
    .argument('<codes>', `${ROWS}, rows of K numbers`)
    .addOption(whole('--label <n>', 'the class, for a model with a condition', { least: 0 }))
    .option('--out <file>', PICTURES, 'decoded.png')
    .option('--json', 'print what was written as JSON')
    .action(async (path: string, codes: string, settings: Typed<DecodeSettings>) => {
      finished(await decodeCommand(path, codes, { ...switchedOff, ...settings }));
    });
  withImages(program.command('reconstruct'), 'reconstructions.png', PICTURES)
    .description('write what a model makes of images; a .png shows them above it')
    .action(async (path: string, settings: Typed<ImagesSettings>) => {
      finished(await reconstructCommand(path, { ...switchedOff, ...settings }));
    });
  withImages(program.command('interpolate'), 'interpolation.png', PICTURES)
    .description('write the decoded way from the code of one image to that of another')
    .addOption(whole('--from <n>', 'row of the first image', { least: 0 }).default(0))
    .addOption(whole('--to <n>', 'row of the last image', { least: 0 }).default(1))
    .addOption(whole('--steps <n>', 'images, both ends included', { least: 2 }).default(10))
    .addOption(
      choice('--path <name>', 'straight, or along the sphere', ['linear', 'spherical']).default('linear'),
    )
    .action(async (path: string, settings: Typed<InterpolateSettings>) => {
      finished(await interpolateCommand(path, { ...switchedOff, ...settings }));
    });
}

function withImages(command: Command, out: string, endings: string): Command {
  return addAdapterOption(addDataOptions(command).optionsGroup('Options:'))
    .argument('<model>', MODEL)
    .addOption(new Option('--part <name>', 'of the data set').choices(['train', 'test']).default('test'))
    .option('--out <file>', endings, out)
    .option('--json', 'print what was written as JSON');
}
