// The floor: output = left x right with one invocation an element and no reuse of what it loads.
// left f32[M, K], right f32[K, N], output f32[M, N], row-major.

struct Sizes { M: u32, K: u32, N: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let column = id.x;
  let row = id.y;
  if (row >= sizes.M || column >= sizes.N) {
    return;
  }
  var sum = 0.0;
  for (var k = 0u; k < sizes.K; k++) {
    sum += left[row * sizes.K + k] * right[k * sizes.N + column];
  }
  output[row * sizes.N + column] = sum;
}
