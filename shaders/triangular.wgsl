// y = L v or L' v of every row, or y with L y = v or L' y = v, of size K. L is lower triangular: its diagonal f32[B, K],
// and what lies below it row after row, f32[B, K (K - 1) / 2]. Row r takes the matrix r mod B. Solving runs down (or up)
// a row in one invocation, which reads what it has just written.

//#include "lib/elements.wgsl"

struct Parameters {
  // elements of y, or rows when solving
  count: u32,
  batch: u32,
  size: u32,
}

override SOLVE: bool = false;
override TRANSPOSED: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> diagonal: array<f32>;
@group(0) @binding(2) var<storage, read> lower: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// The part of row i of L (or L') off the diagonal, times v (or the part of y that is known).
fn off_diagonal(row: u32, i: u32) -> f32 {
  let size = parameters.size;
  let base = (row % parameters.batch) * (size * (size - 1u) / 2u);
  let first = select(0u, i + 1u, TRANSPOSED);
  let last = select(i, size, TRANSPOSED);
  var total = 0.0;
  for (var j = first; j < last; j++) {
    let high = max(i, j);
    let entry = lower[base + high * (high - 1u) / 2u + min(i, j)];
    if (SOLVE) { total += entry * y[row * size + j]; } else { total += entry * v[row * size + j]; }
  }
  return total;
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = element_of(group, groups, lane);
  if (place >= parameters.count) { return; }
  let size = parameters.size;
  if (SOLVE) {
    let matrix = (place % parameters.batch) * size;
    for (var n = 0u; n < size; n++) {
      let i = select(n, size - 1u - n, TRANSPOSED);
      y[place * size + i] = (v[place * size + i] - off_diagonal(place, i)) / diagonal[matrix + i];
    }
  } else {
    let row = place / size;
    let i = place % size;
    y[place] = diagonal[(row % parameters.batch) * size + i] * v[place] + off_diagonal(row, i);
  }
}
