// log sum exp over the middle axis of [outer, reduced, inner], shifted by the largest value. COOPERATIVE: a workgroup
// reduces a row (inner is 1). Otherwise every invocation reduces a column by itself, without barriers, and a long
// axis in pieces of `piece`, giving [outer, pieces, inner], which a second dispatch reduces the same way.

//#include "lib/math.wgsl"
//#include "lib/workgroup_max.wgsl"

struct Parameters {
  outer: u32,
  reduced: u32,
  inner: u32,
  piece: u32,
}

// The smallest finite number: a row of -infinity keeps a finite shift.
const LOWEST: f32 = -3.4028234e38;

override COOPERATIVE: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = group.y * groups.x + group.x;
  let i = select(place * WORKGROUP + lane, place, COOPERATIVE);
  let pieces = (parameters.reduced + parameters.piece - 1u) / parameters.piece;
  let inner = i % parameters.inner;
  let rest = i / parameters.inner;
  let start = (rest % pieces) * parameters.piece;
  let base = (rest / pieces) * parameters.reduced * parameters.inner + inner;
  // no early return: barriers follow
  let is_inside = i < parameters.outer * pieces * parameters.inner;
  let last = select(0u, min(start + parameters.piece, parameters.reduced), is_inside);
  let first = start + select(0u, lane, COOPERATIVE);
  let stride = select(1u, WORKGROUP, COOPERATIVE);

  var largest = LOWEST;
  for (var k = first; k < last; k += stride) { largest = max(largest, x[base + k * parameters.inner]); }
  if (COOPERATIVE) { largest = workgroup_max(largest, lane); }
  var total = 0.0;
  for (var k = first; k < last; k += stride) { total += exp_clamped(x[base + k * parameters.inner] - largest); }
  if (COOPERATIVE) { total = workgroup_sum(total, lane); }
  if (is_inside && (!COOPERATIVE || lane == 0u)) { y[i] = largest + log_accurate(total); }
}
