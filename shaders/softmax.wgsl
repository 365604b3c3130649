// Softmax of every row, shifted by the row's maximum, or its gradient y (g - <g, y>) with x the softmax itself.

//#include "lib/rows.wgsl"
//#include "lib/workgroup_max.wgsl"

struct Parameters {
  rows: u32,
  width: u32,
}

override GRADIENT: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y_gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group, groups);
  if (row >= parameters.rows) { return; }
  let first = row * parameters.width;
  let last = first + parameters.width;
  var shift = 0.0;
  if (!GRADIENT) {
    var largest = x[first];
    for (var i = first + lane; i < last; i += WORKGROUP) { largest = max(largest, x[i]); }
    shift = workgroup_max(largest, lane);
  }
  var total = 0.0;
  for (var i = first + lane; i < last; i += WORKGROUP) {
    if (GRADIENT) { total += x[i] * y_gradient[i]; } else { total += exp(x[i] - shift); }
  }
  let sum = workgroup_sum(total, lane);
  for (var i = first + lane; i < last; i += WORKGROUP) {
    if (GRADIENT) { result[i] = x[i] * (y_gradient[i] - sum); } else { result[i] = exp(x[i] - shift) / sum; }
  }
}
