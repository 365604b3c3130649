// Sums a tensor seen as [outer, reduced, inner] over its middle axis: one invocation per output, in order.
// A long axis is summed in two dispatches: pieces of `piece` first, giving [outer, pieces, inner].
// With HAS_BIAS, ACTIVATION or DERIVATIVE it also finishes a matmul whose inner axis was split.

//#include "lib/epilogue_overrides.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  outer: u32,
  reduced: u32,
  inner: u32,
  piece: u32,
  // width of the rows that bias repeats over
  columns: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> saved: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  let pieces = (parameters.reduced + parameters.piece - 1u) / parameters.piece;
  if (i >= parameters.outer * pieces * parameters.inner) { return; }
  let inner = i % parameters.inner;
  let rest = i / parameters.inner;
  let first = (rest % pieces) * parameters.piece;
  let last = min(first + parameters.piece, parameters.reduced);
  let base = (rest / pieces) * parameters.reduced * parameters.inner + inner;
  var total = 0.0;
  for (var k = first; k < last; k++) { total += x[base + k * parameters.inner]; }
  if (HAS_BIAS) { total += bias[i % parameters.columns]; }
  if (ACTIVATION != IDENTITY) { total = activate(ACTIVATION, total); }
  if (DERIVATIVE != IDENTITY) { total *= activation_derivative(DERIVATIVE, saved[i]); }
  y[i] = total;
}
