/**
 * Makes a fresh checkout ready, so that `npm start` and `npm test` need nothing before them: checks Node,
 * installs the packages, builds, and sees to an adapter (`app`) or a browser (`test`). What is there
 * already is left alone, which takes a fraction of a second.
 *
 *     node scripts/setup.mjs app|test [--quiet]
 *
 * The syntax of this file stays within what old Node versions parse, because it is the one that refuses them.
 */

main(process.argv.slice(2)).catch((error) => {
  // Our own refusals say all there is to say; anything else is a bug and shows where it comes from.
  const isOurs = error.name === 'StepFailed' || error.message.startsWith('[');
  process.stderr.write(`${isOurs ? error.message : error.stack}\n`);
  process.exitCode = 1;
});

/** @param {string[]} words */
async function main(words) {
  checkNode();
  const purposes = words.filter((word) => word !== '--quiet');
  const purpose = purposes[0];
  if (purposes.length !== 1 || (purpose !== 'app' && purpose !== 'test')) {
    throw new Error(
      `[setup] '${purposes.join(' ')}' came; expected app or test; run: node scripts/setup.mjs app|test [--quiet]`,
    );
  }
  const { installDependencies } = await import('./dependencies.mjs');
  const { build } = await import('./build.mjs');
  const { provideAdapter, provideBrowser } = await import('./browser.mjs');
  await installDependencies();
  await build();
  await (purpose === 'test' ? provideBrowser() : provideAdapter());
  if (!words.includes('--quiet')) {
    const { say } = await import('./step.mjs');
    say(`ready (Node ${process.versions.node})`);
  }
}

/** @throws {Error} outside the range of our build tools, ^20.19.0 || >=22.12.0 */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNewEnough = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  if (isNewEnough) return;
  throw new Error(
    `[setup] this is Node ${process.versions.node}; webgpu-vae needs 20.19 or later, or 22.12 or later; ` +
      'install a current one from https://nodejs.org, or run: nvm install 22',
  );
}
