// Every column of a batch in an order of its own: y[i, k] = x[order_k(i), k]. An order is the Feistel network of the
// gather kernel over the batch's valid rows, its keys drawn anew for every step and column. Padding rows stay.

//#include "lib/threefry.wgsl"
//#include "lib/step.wgsl"
//#include "lib/elements.wgsl"
//#include "lib/permutation.wgsl"

struct Parameters {
  rows: u32,
  columns: u32,
  noise_tag: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.rows * parameters.columns) { return; }
  let row = i / parameters.columns;
  let column = i % parameters.columns;
  var source = row;
  if (row < step.row_count) {
    let key = vec2u(step.seed.x, step.seed.y ^ parameters.noise_tag);
    var keys: array<vec4u, 2>;
    for (var pair = 0u; pair < 3u; pair++) {
      let words = threefry(key, vec2u(3u * column + pair, step.stream));
      keys[pair / 2u][2u * (pair % 2u)] = words.x;
      keys[pair / 2u][2u * (pair % 2u) + 1u] = words.y;
    }
    // half the bits of the smallest even number of them, at least 2, that can count the rows
    let bits = max(2u, 32u - countLeadingZeros(step.row_count - 1u));
    source = permuted(row, step.row_count, (bits + 1u) / 2u, keys);
  }
  y[i] = x[source * parameters.columns + column];
}
