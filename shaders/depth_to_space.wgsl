// Spreads the channels (ry, rx, o) of a pixel over r x r pixels of an image of higher resolution, gathers
// them again (the same pairs of places the other way), or repeats a pixel r x r times.
// One invocation per element of the higher resolution.

//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  // columns of the higher resolution
  width: u32,
  // channels of the higher resolution
  channels: u32,
  factor: u32,
}

const GATHER: u32 = 1u;
const REPEAT: u32 = 2u;
override MODE: u32 = 0u;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  let r = parameters.factor;
  let pixel = i / parameters.channels;
  let column = pixel % parameters.width;
  // of all images, one below the other
  let row = pixel / parameters.width;
  var low = (row / r) * (parameters.width / r) + column / r;
  if (MODE != REPEAT) { low = low * r * r + (row % r) * r + column % r; }
  low = low * parameters.channels + i % parameters.channels;
  if (MODE == GATHER) { y[low] = x[i]; } else { y[i] = x[low]; }
}
