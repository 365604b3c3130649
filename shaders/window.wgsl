// Copies a window of the middle axis of [outer, length, inner]: y[o, j, i] = x[o, j + start, i], and 0 where
// j + start lies outside x. One kernel is both slice (start >= 0) and its gradient, zero padding (start < 0).

//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  length: u32,
  window: u32,
  inner: u32,
  start: i32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  let inner = i % parameters.inner;
  let rest = i / parameters.inner;
  let j = i32(rest % parameters.window) + parameters.start;
  var value = 0.0;
  if (j >= 0 && j < i32(parameters.length)) {
    value = x[((rest / parameters.window) * parameters.length + u32(j)) * parameters.inner + inner];
  }
  y[i] = value;
}
