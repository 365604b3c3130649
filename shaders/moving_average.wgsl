// average += share * (fresh - average), number by number; a fresh number that is not finite leaves its average as it was.

//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  share: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> fresh: array<f32>;
@group(0) @binding(2) var<storage, read_write> average: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  let old = average[i];
  let value = old + parameters.share * (fresh[i] - old);
  if ((bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u) { average[i] = value; }
}
