// Threefry2x32-20 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a counter-based
// generator made of adds, xors and rotations, so that every device makes the same words and a backward
// pass can make them again. Not Philox: WGSL has no 32x32 -> 64 bit product.

//#include "math.wgsl"

fn threefry_rounds(words: vec2u, r0: u32, r1: u32, r2: u32, r3: u32) -> vec2u {
  var x = words.x;
  var y = words.y;
  x += y; y = ((y << r0) | (y >> (32u - r0))) ^ x;
  x += y; y = ((y << r1) | (y >> (32u - r1))) ^ x;
  x += y; y = ((y << r2) | (y >> (32u - r2))) ^ x;
  x += y; y = ((y << r3) | (y >> (32u - r3))) ^ x;
  return vec2u(x, y);
}

fn threefry(key: vec2u, counter: vec2u) -> vec2u {
  let parity = 0x1bd11bdau ^ key.x ^ key.y;
  var words = counter + key;
  words = threefry_rounds(words, 13u, 15u, 26u, 6u) + vec2u(key.y, parity + 1u);
  words = threefry_rounds(words, 17u, 29u, 16u, 24u) + vec2u(parity, key.x + 2u);
  words = threefry_rounds(words, 13u, 15u, 26u, 6u) + vec2u(key.x, key.y + 3u);
  words = threefry_rounds(words, 17u, 29u, 16u, 24u) + vec2u(key.y, parity + 4u);
  words = threefry_rounds(words, 13u, 15u, 26u, 6u) + vec2u(parity, key.x + 5u);
  return words;
}

// Standard normal for `element` of a noise tensor (Box-Muller; both outputs are used, one per parity).
// The radius comes from 23 bits at the middle of their bins, so that log never meets 0 or 1.
fn normal(key: vec2u, element: u32, stream: u32) -> f32 {
  let words = threefry(key, vec2u(element >> 1u, stream));
  let u = (f32(words.x >> 9u) + 0.5) * 1.1920928955078125e-7;
  let radius = sqrt(-2.0 * log_unit(u));
  let direction = cos_sin_turn(f32(words.y >> 8u) * 5.9604644775390625e-8);
  return radius * select(direction.x, direction.y, (element & 1u) == 1u);
}

// Uniform in [0, 1) with 24 bits.
fn uniform_unit(key: vec2u, element: u32, stream: u32) -> f32 {
  let words = threefry(key, vec2u(element >> 1u, stream));
  return f32(select(words.x, words.y, (element & 1u) == 1u) >> 8u) * 5.9604644775390625e-8;
}
