// loss = <reconstruction weights, reconstruction> + <kl weights, kl> over the rows of a batch, and the terms
// that are reported: elbo = -loss, reconstruction and kl in nats per datum. One workgroup, fixed order.

//#include "lib/workgroup_sum.wgsl"

struct Parameters {
  rows: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> reconstruction: array<f32>;
@group(0) @binding(2) var<storage, read> kl: array<f32>;
@group(0) @binding(3) var<storage, read> reconstruction_weights: array<f32>;
@group(0) @binding(4) var<storage, read> kl_weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> loss: array<f32>;
@group(0) @binding(6) var<storage, read_write> terms: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(local_invocation_index) lane: u32) {
  var weighted_kl = 0.0;
  var mean_reconstruction = 0.0;
  var mean_kl = 0.0;
  for (var row = lane; row < parameters.rows; row += WORKGROUP) {
    let weight = -reconstruction_weights[row];
    mean_reconstruction += weight * reconstruction[row];
    mean_kl += weight * kl[row];
    weighted_kl += kl_weights[row] * kl[row];
  }
  let reconstruction_sum = workgroup_sum(mean_reconstruction, lane);
  let kl_sum = workgroup_sum(mean_kl, lane);
  let weighted_sum = workgroup_sum(weighted_kl, lane);
  if (lane == 0u) {
    loss[0] = weighted_sum - reconstruction_sum;
    terms[0] = reconstruction_sum - weighted_sum;
    terms[1] = reconstruction_sum;
    terms[2] = kl_sum;
  }
}
