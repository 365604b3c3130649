// Finds the first NaN or infinity of a buffer by bit pattern; no float is ever loaded.

//#include "lib/math.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> first_index: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i < parameters.count && is_not_finite(words[i])) { atomicMin(&first_index[0], i); }
}
