// Up to four tensors one behind the other along the middle axis of [outer, length, inner].

//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  // elements of an outer index in y, and where the parts end in it
  row: u32,
  end_a: u32,
  end_b: u32,
  end_c: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;
@group(0) @binding(4) var<storage, read> d: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  let outer = i / parameters.row;
  let at = i % parameters.row;
  let p = parameters;
  if (at < p.end_a) {
    y[i] = a[outer * p.end_a + at];
  } else if (at < p.end_b) {
    y[i] = b[outer * (p.end_b - p.end_a) + at - p.end_a];
  } else if (at < p.end_c) {
    y[i] = c[outer * (p.end_c - p.end_b) + at - p.end_b];
  } else {
    y[i] = d[outer * (p.row - p.end_c) + at - p.end_c];
  }
}
