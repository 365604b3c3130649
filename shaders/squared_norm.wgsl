// Sum of squares of the flat gradient buffer, one partial sum per workgroup; `sum` adds the partials.

//#include "lib/workgroup_sum.wgsl"

struct Parameters {
  count: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var i = group.x * WORKGROUP + lane; i < parameters.count; i += groups.x * WORKGROUP) {
    total += dot(x[i], x[i]);
  }
  let sum = workgroup_sum(total, lane);
  if (lane == 0u) { partials[group.x] = sum; }
}
