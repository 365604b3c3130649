// The part below the diagonal of the sum over samples of a b', packed row after row: for i > j
// result[b, i (i - 1) / 2 + j] = sum over s of a[s B + b, i] b[s B + b, j]. One invocation an element of the square.

//#include "lib/elements.wgsl"

struct Parameters {
  batch: u32,
  samples: u32,
  size: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = element_of(group, groups, lane);
  let size = parameters.size;
  let datum = place / (size * size);
  let i = (place / size) % size;
  let j = place % size;
  if (datum >= parameters.batch || j >= i) { return; }
  var total = 0.0;
  for (var sample = 0u; sample < parameters.samples; sample++) {
    let row = (sample * parameters.batch + datum) * size;
    total += a[row + i] * b[row + j];
  }
  result[datum * (size * (size - 1u) / 2u) + i * (i - 1u) / 2u + j] = total;
}
