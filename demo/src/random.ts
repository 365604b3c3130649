/** Numbers that look random and are the same every time: for what must not flicker, and for an order without pattern. */

/** Uniform numbers in [0, 1): a counter through a mixing of 32 bits (Wellons, "Prospecting for hash functions", 2018). */
export function uniforms(seed: number): () => number {
  let counter = Math.imul(seed, 0x9e3779b9);
  return () => {
    counter = (counter + 0x9e3779b9) | 0;
    let word = counter;
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return ((word ^ (word >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** `count` standard normals, by Box and Muller. */
export function normals(seed: number, count: number): Float32Array {
  const next = uniforms(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

/** The same things in another order (Fisher and Yates). */
export function shuffled<T>(list: readonly T[], seed = 1): T[] {
  const next = uniforms(seed);
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
