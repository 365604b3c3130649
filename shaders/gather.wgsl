// Fetches the rows of a batch from a data set that lives on the GPU, shuffled by epoch without an index
// buffer: a six-round Feistel network over the next power of four, walked until it lands inside the set,
// is a bijection of the rows that changes with every epoch's keys. Rows past row_count become zeros.

//#include "lib/threefry.wgsl"
//#include "lib/step.wgsl"
//#include "lib/elements.wgsl"
//#include "lib/permutation.wgsl"

struct Parameters {
  batch: u32,
  width: u32,
  dataset_rows: u32,
  // half of the Feistel network's bits
  half_bits: u32,
  // elements that one invocation fetches
  run: u32,
}

// Mixed into the seed so that binarisation and the latent noise differ.
const BINARIZE_TAG: u32 = 0x62696e00u;

override SHUFFLE: bool = true;
override BINARIZE: bool = false;
// values are bytes (value / 255) or f32
override BYTES: bool = true;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> dataset: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

// b / 255 = 257 b / 2^16 + b / (255 2^16): the first is exact, and the second so small that what it is rounded by does not
// reach the sum's last bit; the sum is the rounded quotient for every byte, fused or not. WGSL's own division may be off by
// 2.5 units in the last place.
fn unit_of(byte: u32) -> f32 {
  return f32(257u * byte) * 0x1p-16 + f32(byte) * 5.98383920e-8;
}

fn fetch(index: u32) -> f32 {
  if (BYTES) { return unit_of((dataset[index / 4u] >> (8u * (index % 4u))) & 255u); }
  return bitcast<f32>(dataset[index]);
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let runs = (parameters.width + parameters.run - 1u) / parameters.run;
  let i = element_of(group, groups, lane);
  let row = i / runs;
  if (row >= parameters.batch) { return; }
  let first = (i % runs) * parameters.run;
  let last = min(first + parameters.run, parameters.width);
  let valid = row < step.row_count;
  var source = 0u;
  if (valid) {
    source = step.first_row + row;
    if (SHUFFLE) { source = permuted(source, parameters.dataset_rows, parameters.half_bits, step.shuffle_keys); }
  }
  for (var column = first; column < last; column++) {
    var value = 0.0;
    let element = row * parameters.width + column;
    if (valid) { value = fetch(source * parameters.width + column); }
    if (BINARIZE) {
      let u = uniform_unit(vec2u(step.seed.x, step.seed.y ^ BINARIZE_TAG), element, step.stream);
      value = select(0.0, 1.0, u < value);
    }
    x[element] = value;
  }
}
