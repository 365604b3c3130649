// A keyed bijection of [0, count): a six-round Feistel network over the next power of four, walked until it lands inside
// (Black and Rogaway 2002). Integers only, the same on every device.

fn mix(word: u32) -> u32 {
  var v = word;
  v ^= v >> 16u; v *= 0x7feb352du;
  v ^= v >> 15u; v *= 0x846ca68bu;
  return v ^ (v >> 16u);
}

fn permuted(position: u32, count: u32, half_bits: u32, keys: array<vec4u, 2>) -> u32 {
  let mask = (1u << half_bits) - 1u;
  var round_keys = keys; // an array parameter takes no index that is not constant
  var value = position;
  loop {
    var left = value >> half_bits;
    var right = value & mask;
    for (var round = 0u; round < 6u; round++) {
      let next = left ^ (mix(right ^ round_keys[round / 4u][round % 4u]) & mask);
      left = right;
      right = next;
    }
    value = (left << half_bits) | right;
    if (value < count) { break; }
  }
  return value;
}
