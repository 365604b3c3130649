// Gradients of attention, its scores made again from log_sum. With p = exp(scale q k' - log_sum), the gradient of the
// scores is s = scale p (g v' - delta), delta = <g, y>. The gradient of q owns points of q and g and adds s k; that of
// k and v (KEYS) owns points of k and v and adds s q and p g. Every sum has one owner and one order.

//#include "lib/attention.wgsl"

override KEYS: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> own_a: array<f32>;
@group(0) @binding(2) var<storage, read> own_b: array<f32>;
@group(0) @binding(3) var<storage, read> other_a: array<f32>;
@group(0) @binding(4) var<storage, read> other_b: array<f32>;
@group(0) @binding(5) var<storage, read> log_sum: array<f32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradient_a: array<f32>;
@group(0) @binding(8) var<storage, read_write> gradient_b: array<f32>;

var<workgroup> weights: array<mat4x4f, WORKGROUP>;
var<workgroup> slopes: array<mat4x4f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let points = parameters.points;
  let tiles = (points + 3u) / 4u;
  let row = row_of(group, groups);
  if (row >= parameters.images * tiles) { return; }
  let image = row / tiles;
  let own = places(image, 4u * (row % tiles));
  for (var start = 0u; start < points; start += 4u * WORKGROUP) {
    let first = start + 4u * lane;
    let other = places(image, first);
    var p = mat4x4f();
    var s = mat4x4f();
    for (var c = 0u; c < parameters.channels; c++) {
      p += outer(vec4f(own_a[own.x + c], own_a[own.y + c], own_a[own.z + c], own_a[own.w + c]), vec4f(other_a[other.x + c], other_a[other.y + c], other_a[other.z + c], other_a[other.w + c]));
      s += outer(vec4f(own_b[own.x + c], own_b[own.y + c], own_b[own.z + c], own_b[own.w + c]), vec4f(other_b[other.x + c], other_b[other.y + c], other_b[other.z + c], other_b[other.w + c]));
    }
    for (var j = 0u; j < 4u; j++) {
      // of the queries: the own points, or this column's
      let query = select(own, vec4u(other[j]), KEYS) / parameters.channels;
      let shift = vec4f(log_sum[query.x], log_sum[query.y], log_sum[query.z], log_sum[query.w]);
      let mean = vec4f(delta[query.x], delta[query.y], delta[query.z], delta[query.w]);
      p[j] = select(exp(parameters.scale * p[j] - shift), vec4f(0.0), first + j >= points);
      s[j] = parameters.scale * p[j] * (s[j] - mean);
    }
    weights[lane] = p;
    slopes[lane] = s;
    workgroupBarrier();

    let used = min(WORKGROUP, (points - start + 3u) / 4u);
    for (var c = lane; c < parameters.channels; c += WORKGROUP) {
      var a = vec4f(0.0);
      var b = vec4f(0.0);
      for (var t = 0u; t < used; t++) {
        let at = places(image, start + 4u * t) + c;
        a += slopes[t] * vec4f(other_a[at.x], other_a[at.y], other_a[at.z], other_a[at.w]);
        if (KEYS) { b += weights[t] * vec4f(other_b[at.x], other_b[at.y], other_b[at.z], other_b[at.w]); }
      }
      if (start > 0u) {
        a += vec4f(gradient_a[own.x + c], gradient_a[own.y + c], gradient_a[own.z + c], gradient_a[own.w + c]);
        if (KEYS) { b += vec4f(gradient_b[own.x + c], gradient_b[own.y + c], gradient_b[own.z + c], gradient_b[own.w + c]); }
      }
      for (var j = 0u; j < 4u; j++) {
        gradient_a[own[j] + c] = a[j];
        if (KEYS) { gradient_b[own[j] + c] = b[j]; }
      }
    }
    workgroupBarrier();
  }
}
