// y[i, c] is 1 where c is the class of element i and 0 elsewhere; classes are whole numbers stored as f32.

//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  classes: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  y[i] = select(0.0, 1.0, x[i / parameters.classes] == f32(i % parameters.classes));
}
