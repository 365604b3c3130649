// Sum of squares of a range of the flat gradient buffer, one partial sum per workgroup; `sum` adds the partials.

//#include "lib/workgroup_sum.wgsl"

struct Parameters {
  first: u32,
  count: u32,
  // of this range's first partial sum
  offset: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var i = group.x * WORKGROUP + lane; i < parameters.count; i += groups.x * WORKGROUP) {
    let g = x[parameters.first + i];
    total += dot(g, g);
  }
  let sum = workgroup_sum(total, lane);
  if (lane == 0u) { partials[parameters.offset + group.x] = sum; }
}
