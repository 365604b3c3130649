/** Images to train on: Fashion-MNIST beside the page, shapes drawn on the spot, or what the visitor brings. Nothing leaves the tab. */
import { readIdxImages, readIdxLabels, takeRows, type Dataset } from 'webgpu-vae';
import { drawShapes } from 'webgpu-vae/evaluation';
import testImages from '../../../data/fashion-mnist/t10k-images-idx3-ubyte.gz?url';
import testLabels from '../../../data/fashion-mnist/t10k-labels-idx1-ubyte.gz?url';
import trainImages from '../../../data/fashion-mnist/train-images-idx3-ubyte.gz?url';
import trainLabels from '../../../data/fashion-mnist/train-labels-idx1-ubyte.gz?url';
import type { DataFacts, Loading, Source } from './protocol.js';

/** Images and what is known of them; those to train on are loaded when training begins. */
export interface Images {
  readonly facts: DataFacts;
  /** Held out; of the visitor's own images the first tenth, and all of them where they are few. */
  readonly test: Dataset;
  readonly train: () => Promise<Dataset>;
}

const FASHION_CLASSES = [
  'T-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];
/** Of the bundled part; the file itself is loaded when training begins. */
const FASHION_ROWS = 20_000;
/** Held-out images that the views show. */
const TEST_ROWS = 1000;

/** Hears how much has come; without progress when no more will. */
type OnLoading = (progress?: Loading) => void;

/** @throws DataError, or TypeError when a file does not come */
export function openSource(source: Source, onLoading: OnLoading): Promise<Images> | Images {
  if (source.kind === 'fashion') return fashion(onLoading);
  if (source.kind === 'shapes') return shapes();
  return own(source);
}

async function fashion(onLoading: OnLoading): Promise<Images> {
  const [all, labels] = await Promise.all([fetchBytes(testImages), fetchBytes(testLabels)]);
  const test = takeRows(await labelled(all, labels), TEST_ROWS);
  let loading: Promise<Dataset> | undefined;
  const load = async (): Promise<Dataset> => {
    onLoading({ name: 'Fashion-MNIST', loadedBytes: 0 });
    try {
      return await labelled(...(await both(trainImages, trainLabels, onLoading)));
    } catch (error) {
      loading = undefined; // the next training asks again
      throw error;
    } finally {
      onLoading();
    }
  };
  const facts: DataFacts = {
    kind: 'fashion',
    name: 'Fashion-MNIST',
    rows: FASHION_ROWS,
    testRows: test.rows,
    shape: test.shape,
    classes: FASHION_CLASSES,
  };
  return { facts, test, train: () => (loading ??= load()) };
}

function both(images: string, labels: string, onLoading: OnLoading): Promise<[Uint8Array, Uint8Array]> {
  return Promise.all([fetchBytes(images, onLoading), fetchBytes(labels)]);
}

async function labelled(images: Uint8Array, labels: Uint8Array): Promise<Dataset> {
  const data = await readIdxImages(images, 'images');
  return { ...data, labels: await readIdxLabels(labels, 'labels') };
}

async function fetchBytes(url: string, onLoading?: OnLoading): Promise<Uint8Array> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new TypeError(`${url} did not come; check the connection, and try again`, { cause });
  });
  if (!response.ok)
    throw new TypeError(
      `${url} came with status ${response.status}; reload the page, or serve the whole folder`,
    );
  const body = onLoading ? counted(response, onLoading) : response;
  return new Uint8Array(await body.arrayBuffer());
}

/** A response that tells how much of it has come. */
function counted(response: Response, onLoading: OnLoading): Response {
  const length = Number(response.headers.get('content-length') ?? 0);
  // what a server has packed for the way is longer than it says
  const isPacked = response.headers.has('content-encoding');
  const total = length > 0 && !isPacked ? { totalBytes: length } : {};
  let loadedBytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      loadedBytes += chunk.byteLength;
      onLoading({ name: 'Fashion-MNIST', loadedBytes, ...total });
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body?.pipeThrough(counter));
}

/** Square, ellipse and heart, of three sizes, turned and moved about. */
function shapes(): Images {
  const grid = { side: 28, scales: 3, orientations: 20, positions: 16, seed: 1 };
  const test = drawShapes({ ...grid, rows: TEST_ROWS });
  const train = drawShapes({ ...grid, rows: 20_000, skip: TEST_ROWS });
  return {
    facts: factsOf('shapes', '2-D shapes', train, test, ['square', 'ellipse', 'heart']),
    test,
    train: () => Promise.resolve(train),
  };
}

function own({ name, images, classes }: Extract<Source, { kind: 'own' }>): Images {
  const held = Math.min(TEST_ROWS, Math.floor(images.rows / 10));
  const isFew = held < 10;
  const test = takeRows(images, isFew ? TEST_ROWS : held);
  const train = isFew ? images : withoutRows(images, held);
  const names = classes ?? numbersUpTo(images.labels);
  return { facts: factsOf('own', name, train, test, names), test, train: () => Promise.resolve(train) };
}

/** `0`, `1`, ... to the largest label. */
function numbersUpTo(labels: Uint8Array | undefined): string[] {
  const count = labels ? labels.reduce((most, label) => Math.max(most, label), 0) + 1 : 0;
  return Array.from({ length: count }, (_, label) => String(label));
}

/** All rows but the first `count`, as a view. */
function withoutRows({ rows, shape, values, labels }: Dataset, count: number): Dataset {
  const first = count * (values.length / rows);
  return {
    rows: rows - count,
    shape,
    values: values.subarray(first),
    ...(labels && { labels: labels.subarray(count) }),
  };
}

function factsOf(
  kind: DataFacts['kind'],
  name: string,
  train: Dataset,
  test: Dataset,
  classes: readonly string[],
): DataFacts {
  return { kind, name, rows: train.rows, testRows: test.rows, shape: train.shape, classes };
}
