// The weight of every row's terms in the loss: -w for the reconstruction and beta * w for the KL, with
// w = 1 / (rows * samples) for valid rows and 0 for padding. They are also the terms' cotangents.

//#include "lib/step.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  rows: u32,
  batch: u32,
  samples: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> reconstruction_weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> kl_weights: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = element_of(group, groups, lane);
  if (row >= parameters.rows) { return; }
  let valid = (row % parameters.batch) < step.row_count;
  let weight = select(0.0, 1.0 / (f32(step.row_count) * f32(parameters.samples)), valid);
  reconstruction_weights[row] = -weight;
  kl_weights[row] = step.beta * weight;
}
