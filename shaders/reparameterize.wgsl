// z = mean + exp(logVariance / 2) * noise and the KL term of every row, in one pass. The noise is made here
// from a counter, so nothing but the moments is kept for the backward pass.
// Kingma and Welling 2013, sections 2.3, 2.4 and appendix B.

//#include "lib/posterior.wgsl"
//#include "lib/rows.wgsl"
//#include "lib/workgroup_sum.wgsl"

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> noise: array<f32>;
@group(0) @binding(4) var<storage, read_write> z: array<f32>;
@group(0) @binding(5) var<storage, read_write> kl: array<f32>;

// exp(s) - 1 - s keeps its digits near s = 0 through expm1.
fn kl_element(mean: f32, s: f32, value: f32, epsilon: f32) -> f32 {
  if (SAMPLED_KL) { return 0.5 * (value * value - epsilon * epsilon - s); }
  return 0.5 * (expm1_accurate(s) - s + mean * mean);
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group, groups);
  if (row >= parameters.rows) { return; }
  let datum = row % parameters.batch;
  var total = 0.0;
  for (var j = lane; j < parameters.latent; j += WORKGROUP) {
    let mean = mean_of(datum, j);
    let s = clamp(raw_log_variance(datum, j), LOG_VARIANCE_LOW, LOG_VARIANCE_HIGH);
    let epsilon = noise_of(row, j);
    let value = mean + exp(0.5 * s) * epsilon;
    z[row * parameters.latent + j] = value;
    total += kl_element(mean, s, value, epsilon);
  }
  let sum = workgroup_sum(total, lane);
  if (lane == 0u) { kl[row] = sum; }
}
