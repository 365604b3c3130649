// The gradients of a normalization by gamma and beta, sums over the rows of y_gradient * n and of y_gradient:
// one invocation per channel and piece of `piece` rows, in order. COMBINE adds up the pieces, which then are
// x (gamma's) and y_gradient (beta's).

//#include "lib/elements.wgsl"
//#include "lib/normalize.wgsl"

struct Parameters {
  rows: u32,
  piece: u32,
  positions: u32,
  groups: u32,
  width: u32,
}

override COMBINE: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y_gradient: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> gamma_gradient: array<f32>;
@group(0) @binding(5) var<storage, read_write> beta_gradient: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  let channels = parameters.groups * parameters.width;
  let first = i / channels * parameters.piece;
  if (first >= parameters.rows) { return; }
  let channel = i % channels;
  let last = min(first + parameters.piece, parameters.rows);
  var gamma_total = 0.0;
  var beta_total = 0.0;
  for (var row = first; row < last; row++) {
    let at = row * channels + channel;
    let g = y_gradient[at];
    beta_total += g;
    if (COMBINE) {
      gamma_total += x[at];
    } else {
      let own = row / parameters.positions * parameters.groups + channel / parameters.width;
      gamma_total += g * normalized(x[at], statistics[own]);
    }
  }
  gamma_gradient[i] = gamma_total;
  beta_gradient[i] = beta_total;
}
