// y = softmax(scale q k') v for every point of every image, without the scores as a tensor: they are made chunk by
// chunk while largest, total and y are kept up to date (Milakov and Gimelshein 2018, "Online normalizer calculation
// for softmax"; Dao et al. 2022, "FlashAttention"). For the gradient it leaves log sum exp of every point's scores.

//#include "lib/attention.wgsl"

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> log_sum: array<f32>;

const LOWEST: f32 = -3.0e38;

var<workgroup> maxima: array<vec4f, WORKGROUP>;
var<workgroup> sums: array<vec4f, WORKGROUP>;
var<workgroup> weights: array<mat4x4f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let points = parameters.points;
  let tiles = (points + 3u) / 4u;
  let row = row_of(group, groups);
  if (row >= parameters.images * tiles) { return; }
  let image = row / tiles;
  let own_point = 4u * (row % tiles);
  let own = places(image, own_point);
  var largest = vec4f(LOWEST);
  var total = vec4f(0.0);
  for (var start = 0u; start < points; start += 4u * WORKGROUP) {
    let first = start + 4u * lane;
    let other = places(image, first);
    var s = mat4x4f();
    for (var c = 0u; c < parameters.channels; c++) {
      s += outer(vec4f(q[own.x + c], q[own.y + c], q[own.z + c], q[own.w + c]), vec4f(k[other.x + c], k[other.y + c], k[other.z + c], k[other.w + c]));
    }
    s = s * parameters.scale;
    maxima[lane] = max(max(s[0], s[1]), max(s[2], s[3]));
    workgroupBarrier();

    let before = largest;
    for (var t = 0u; t < WORKGROUP; t++) { largest = max(largest, maxima[t]); }
    for (var j = 0u; j < 4u; j++) { s[j] = select(exp(s[j] - largest), vec4f(0.0), first + j >= points); }
    weights[lane] = s;
    sums[lane] = s[0] + s[1] + s[2] + s[3];
    workgroupBarrier();

    let keep = exp(before - largest);
    total = total * keep;
    for (var t = 0u; t < WORKGROUP; t++) { total += sums[t]; }
    let used = min(WORKGROUP, (points - start + 3u) / 4u);
    for (var c = lane; c < parameters.channels; c += WORKGROUP) {
      var sum = vec4f(0.0);
      if (start > 0u) { sum = keep * vec4f(y[own.x + c], y[own.y + c], y[own.z + c], y[own.w + c]); }
      for (var t = 0u; t < used; t++) {
        let at = places(image, start + 4u * t) + c;
        sum += weights[t] * vec4f(v[at.x], v[at.y], v[at.z], v[at.w]);
      }
      if (start + 4u * WORKGROUP >= points) { sum /= total; }
      for (var j = 0u; j < 4u; j++) { y[own[j] + c] = sum[j]; }
    }
  }
  if (lane < min(4u, points - own_point)) {
    log_sum[image * points + own_point + lane] = largest[lane] + log(total[lane]);
  }
}
