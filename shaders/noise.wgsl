// A tensor of standard normal noise, the same numbers that reparameterize makes for itself, or of noise in [0, 1).

//#include "lib/threefry.wgsl"
//#include "lib/step.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  noise_tag: u32,
}

override IS_UNIFORM: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  let key = vec2u(step.seed.x, step.seed.y ^ parameters.noise_tag);
  if (IS_UNIFORM) { y[i] = uniform_unit(key, i, step.stream); } else { y[i] = normal(key, i, step.stream); }
}
