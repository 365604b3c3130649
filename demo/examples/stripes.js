/** What the examples train on until they have something better: stripes of any direction, width and place. */

/**
 * @param {number} rows
 * @returns {import('webgpu-vae').Dataset} u8[rows, 28, 28, 1]
 */
export function stripes(rows) {
  const side = 28;
  const values = new Uint8Array(rows * side * side);
  for (let row = 0; row < rows; row++) {
    const angle = (Math.PI * row) / rows;
    const width = 3 + (row % 5);
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const along = (x - side / 2) * Math.cos(angle) + (y - side / 2) * Math.sin(angle) + (row % 7);
        values[(row * side + y) * side + x] = 127.5 * (1 + Math.sin((Math.PI * along) / width));
      }
  }
  return { rows, shape: [side, side, 1], values };
}
