/**
 * Plan: every kernel case (e2e/cases) on Dawn in Node: values and gradients against the float64 reference, guard
 * words behind every buffer, and two runs with the same bits. The axes stand in the case files.
 */
import { expect, test } from '@playwright/test';
import { kernelCases } from '../cases/index.js';
import { nodeDevice } from '../node-device.js';
import { obstacle, runCase } from '../runner.js';

for (const kernelCase of kernelCases)
  test(kernelCase.name, async () => {
    const device = await nodeDevice();
    const reason = obstacle(kernelCase, device);
    test.skip(reason !== undefined, reason);
    const { failures, compared } = await runCase(device, kernelCase);
    if (failures.length > 0) throw new Error(failures.join('\n'));
    expect(compared).toBeGreaterThan(0);
  });

test('the table holds each case once', () => {
  const names = kernelCases.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
