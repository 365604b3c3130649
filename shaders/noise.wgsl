// A tensor of standard normal noise; the same numbers that reparameterize makes for itself.

//#include "lib/threefry.wgsl"
//#include "lib/step.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  noise_tag: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i < parameters.count) {
    y[i] = normal(vec2u(step.seed.x, step.seed.y ^ parameters.noise_tag), i, step.stream);
  }
}
