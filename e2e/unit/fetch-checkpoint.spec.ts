/**
 * Plan: checkpoints by URL from a server that misbehaves, in Node, which has no cache.
 * | answer   | control    | cases                                                                       |
 * | status   | 200        | 404, no server                                                              |
 * | body     | whole      | without a length, compressed, cut short, ended early, damaged, another file |
 * | signal   | none       | aborted before, within the body                                             |
 */
import { expect, test } from '@playwright/test';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { CheckpointError } from '../../src/gpu/errors.js';
import { writeSafetensors } from '../../src/vae/checkpoint/safetensors.js';
import { fetchCheckpoint } from '../../src/vae/storage/fetch-checkpoint.js';

let file: Buffer;
let server: Server;
let origin: string;

/** What the server does at a path. */
const answers: Record<string, (response: ServerResponse) => void> = {
  '/whole': (response) => response.writeHead(200, { 'content-length': file.length }).end(file),
  '/unsized': (response) => void response.write(file, () => response.end()),
  '/gzip': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(file)),
  '/ended': (response) => {
    response.writeHead(200, { 'content-length': file.length });
    response.write(file.subarray(0, 1000), () => response.destroy());
  },
  '/cut': (response) => response.end(file.subarray(0, -7)),
  '/damaged': (response) => response.end(Buffer.concat([file.subarray(0, -4), Buffer.alloc(4)])),
  '/page': (response) => response.end('<!doctype html>'),
  '/slow': (response) =>
    void response.writeHead(200, { 'content-length': file.length }).write(file.subarray(0, 9)),
};

test.beforeAll(async () => {
  const values = Float32Array.from({ length: 50_000 }, (_, i) => i + 1);
  file = Buffer.from(await writeSafetensors(new Map([['x', { shape: [50_000], values }]]), {}));
  server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    if (answer) answer(response);
    else response.writeHead(404).end('no such file');
  });
  await new Promise<void>((ready) => server.listen(0, 'localhost', ready));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
});

test.afterAll(() => {
  server.closeAllConnections();
  server.close();
});

for (const path of ['/whole', '/unsized', '/gzip'])
  test(`arrives with its progress: ${path}`, async () => {
    const reports: [number, number | undefined][] = [];
    const bytes = await fetchCheckpoint(origin + path, { onProgress: (...report) => reports.push(report) });
    expect(Buffer.compare(bytes, file)).toBe(0);
    expect(reports.at(-1)).toEqual([file.length, path === '/whole' ? file.length : undefined]);
    expect(reports.map(([count]) => count)).toEqual(
      reports.map(([count]) => count).toSorted((a, b) => a - b),
    );
  });

for (const [path, message] of [
  ['/missing', 'the server answered 404 Not Found; expected a safetensors file; correct the address'],
  ['/ended', 'could not be fetched (TypeError: terminated); check the address, the connection'],
  ['/cut', 'the tensors take 200000 bytes and 199993 follow the header; the file is cut short'],
  ['/damaged', 'it changed after it was saved'],
  ['/page', 'the header claims '],
] as const)
  test(`is refused: ${path}`, async () => {
    const error = await fetchCheckpoint(origin + path).catch((caught: unknown) => caught as Error);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toContain(`[${origin}${path}] `);
    expect((error as Error).message).toContain(message);
  });

test('says that there is no server', async () => {
  await expect(fetchCheckpoint('http://localhost:1/x')).rejects.toThrow(
    /^\[http:\/\/localhost:1\/x\] could not be fetched \(TypeError: fetch failed\); check the address/,
  );
});

test('ends with the reason of its signal', async () => {
  const before = AbortSignal.abort(new Error('never mind'));
  await expect(fetchCheckpoint(`${origin}/whole`, { signal: before })).rejects.toThrow('never mind');
  const controller = new AbortController();
  const within = fetchCheckpoint(`${origin}/slow`, {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  });
  await expect(within).rejects.toThrow('enough');
});

test('a body shorter than the server said is refused by us too, where the runtime lets it pass', async () => {
  const { fetch } = globalThis;
  globalThis.fetch = () => Promise.resolve(new Response('short', { headers: { 'content-length': '99' } }));
  try {
    await expect(fetchCheckpoint(`${origin}/x`)).rejects.toThrow(
      `[${origin}/x] the body ended after 5 of 99 bytes; fetch it again`,
    );
  } finally {
    globalThis.fetch = fetch;
  }
});
