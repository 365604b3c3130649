// The moments' gradient from the gradients of z and of the KL term, summed over the samples of a datum.
// The noise is made again from its counter.

//#include "lib/posterior.wgsl"
//#include "lib/rows.wgsl"
//#include "lib/workgroup_sum.wgsl"

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> noise: array<f32>;
@group(0) @binding(4) var<storage, read> z_gradient: array<f32>;
@group(0) @binding(5) var<storage, read> kl_gradient: array<f32>;
@group(0) @binding(6) var<storage, read_write> moments_gradient: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let datum = row_of(group, groups);
  if (datum >= parameters.batch) { return; }
  let base = datum * moments_width();
  var shared_gradient = 0.0;
  for (var j = lane; j < parameters.latent; j += WORKGROUP) {
    let mean = mean_of(datum, j);
    let raw = raw_log_variance(datum, j);
    let s = clamp(raw, LOG_VARIANCE_LOW, LOG_VARIANCE_HIGH);
    let deviation = exp(0.5 * s);
    var mean_gradient = 0.0;
    var s_gradient = 0.0;
    for (var sample = 0u; sample < parameters.samples; sample++) {
      let row = sample * parameters.batch + datum;
      let spread = 0.5 * deviation * noise_of(row, j);
      let dz = z_gradient[row * parameters.latent + j];
      let dk = kl_gradient[row];
      if (SAMPLED_KL) {
        let value = mean + 2.0 * spread;
        mean_gradient += dz + dk * value;
        s_gradient += dz * spread + dk * (value * spread - 0.5);
      } else {
        mean_gradient += dz + dk * mean;
        s_gradient += dz * spread + dk * 0.5 * expm1_accurate(s);
      }
    }
    if (raw < LOG_VARIANCE_LOW || raw > LOG_VARIANCE_HIGH) { s_gradient = 0.0; }
    moments_gradient[base + j] = mean_gradient;
    if (ISOTROPIC) {
      shared_gradient += s_gradient;
    } else {
      moments_gradient[base + parameters.latent + j] = s_gradient;
    }
  }
  if (ISOTROPIC) {
    let sum = workgroup_sum(shared_gradient, lane);
    if (lane == 0u) { moments_gradient[base + parameters.latent] = sum; }
  }
}
