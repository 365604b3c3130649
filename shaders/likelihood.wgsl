// log p(x | z) of every row, and its gradient given the rows' cotangents, in one pass over the data.
// Families: 0 Bernoulli from logits, 1 Gaussian (log_scale is the log-variance), 2 Laplace (log of b).
// A row of predictions meets row (r mod batch) of the data, so several samples share one datum.

//#include "lib/math.wgsl"
//#include "lib/rows.wgsl"
//#include "lib/workgroup_sum.wgsl"

struct Parameters {
  rows: u32,
  batch: u32,
  width: u32,
  // log_scale is read at row * row stride + column * column stride: one for all, one a column, or one an element
  scale_row_stride: u32,
  scale_column_stride: u32,
}

const BERNOULLI: u32 = 0u;
const GAUSSIAN: u32 = 1u;
override FAMILY: u32 = 0u;
override WITH_VALUE: bool = true;
override WITH_GRADIENT: bool = false;
override WITH_SCALE_GRADIENT: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> prediction: array<f32>;
@group(0) @binding(2) var<storage, read> data: array<f32>;
@group(0) @binding(3) var<storage, read> log_scale: array<f32>;
@group(0) @binding(4) var<storage, read> cotangent: array<f32>;
@group(0) @binding(5) var<storage, read_write> value: array<f32>;
@group(0) @binding(6) var<storage, read_write> prediction_gradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> scale_gradient: array<f32>;

// (log density, its derivative by the prediction, its derivative by the log scale) of one element
fn element(p: f32, x: f32, s: f32) -> vec3f {
  if (FAMILY == BERNOULLI) {
    let e = exp_clamped(-abs(p));
    let probability = select(e, 1.0, p >= 0.0) / (1.0 + e);
    return vec3f(x * p - max(p, 0.0) - log1p_small(e), x - probability, 0.0);
  }
  let difference = x - p;
  if (FAMILY == GAUSSIAN) {
    let inverse_variance = exp_clamped(-s);
    let square = difference * difference * inverse_variance;
    return vec3f(-0.5 * (square + s + LOG_2PI), difference * inverse_variance, 0.5 * (square - 1.0));
  }
  let inverse = exp_clamped(-s);
  let magnitude = abs(difference) * inverse;
  return vec3f(-(magnitude + s + LOG_2), sign(difference) * inverse, magnitude - 1.0);
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group, groups);
  if (row >= parameters.rows) { return; }
  let datum = row % parameters.batch;
  var weight = 0.0;
  if (WITH_GRADIENT) { weight = cotangent[row]; }
  var total = 0.0;
  for (var column = lane; column < parameters.width; column += WORKGROUP) {
    let i = row * parameters.width + column;
    let s = log_scale[row * parameters.scale_row_stride + column * parameters.scale_column_stride];
    let result = element(prediction[i], data[datum * parameters.width + column], s);
    if (WITH_VALUE) { total += result.x; }
    if (WITH_GRADIENT) { prediction_gradient[i] = weight * result.y; }
    if (WITH_SCALE_GRADIENT) { scale_gradient[i] = weight * result.z; }
  }
  if (WITH_VALUE) {
    let sum = workgroup_sum(total, lane);
    if (lane == 0u) { value[row] = sum; }
  }
}
