// The adapter's multiply-add ceiling: eight independent chains of vec4 in registers, no memory traffic
// inside the loop. Eight chains hide the latency of one; more gained nothing where it was tried.
// One turn of the loop is 8 x 4 multiply-adds, or 64 operations, an invocation.

@group(0) @binding(0) var<uniform> turns: u32;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  // The factor and the start depend on the invocation, so that no compiler can do the loop ahead of time.
  let start = f32(id.x) * 1e-6;
  let factor = vec4f(0.999 - start);
  let term = vec4f(0.001);
  var a = vec4f(start);
  var b = a + 1.0;
  var c = a + 2.0;
  var d = a + 3.0;
  var e = a + 4.0;
  var f = a + 5.0;
  var g = a + 6.0;
  var h = a + 7.0;
  for (var turn = 0u; turn < turns; turn++) {
    a = a * factor + term;
    b = b * factor + term;
    c = c * factor + term;
    d = d * factor + term;
    e = e * factor + term;
    f = f * factor + term;
    g = g * factor + term;
    h = h * factor + term;
  }
  output[id.x] = dot(a + b + c + d + e + f + g + h, vec4f(1.0));
}
