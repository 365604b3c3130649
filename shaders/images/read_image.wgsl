// One picture becomes one row f32[height, width, channels] of values from 0 to 1. What every row and column is made of
// comes as taps from the CPU (src/vae/data/image.ts), so that the numbers are those of `fromPixels` to rounding. Opacity is
// laid on white; grey is the luma of ITU-R BT.601.

struct Parameters {
  width: u32,
  height: u32,
  channels: u32,
  // Element of `rows` where the image begins.
  first: u32,
  // A picture of one channel, such as r32float, is grey.
  is_grey: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var picture: texture_2d<f32>;
// Three words an axis position, rows before columns: first pixel, first weight, number of both.
@group(0) @binding(2) var<storage, read> taps: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<f32>;

fn on_white(pixel: vec2u) -> vec3f {
  let stored = textureLoad(picture, pixel, 0);
  let colour = select(stored.rgb, stored.rrr, parameters.is_grey != 0u);
  return vec3f(1.0) + stored.a * (colour - vec3f(1.0));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= parameters.width || id.y >= parameters.height) { return; }
  let row = 3u * id.y;
  let column = 3u * (parameters.height + id.x);
  var sum = vec3f(0.0);
  for (var y = 0u; y < taps[row + 2u]; y++) {
    var line = vec3f(0.0);
    for (var x = 0u; x < taps[column + 2u]; x++) {
      line += weights[taps[column + 1u] + x] * on_white(vec2u(taps[column] + x, taps[row] + y));
    }
    sum += weights[taps[row + 1u] + y] * line;
  }
  let at = parameters.first + (id.y * parameters.width + id.x) * parameters.channels;
  if (parameters.channels == 1u) {
    let grey = dot(sum, vec3f(0.299, 0.587, 0.114));
    rows[at] = select(grey, sum.r, parameters.is_grey != 0u);
  } else {
    rows[at] = sum.r;
    rows[at + 1u] = sum.g;
    rows[at + 2u] = sum.b;
  }
}
