// Rows f32[count, height, width, channels] become a grid of pictures, `columns` beside each other, from the top left.
// The includer declares `picture`, a storage texture, because WGSL has no way to choose its format later.
struct Parameters {
  width: u32,
  height: u32,
  channels: u32,
  columns: u32,
  count: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rows: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let cell = id.xy / vec2u(parameters.width, parameters.height);
  let lines = (parameters.count + parameters.columns - 1u) / parameters.columns;
  if (cell.x >= parameters.columns || cell.y >= lines) { return; }
  let image = cell.y * parameters.columns + cell.x;
  var colour = vec3f(0.0);
  if (image < parameters.count) {
    let pixel = id.xy % vec2u(parameters.width, parameters.height);
    let at = ((image * parameters.height + pixel.y) * parameters.width + pixel.x) * parameters.channels;
    colour = vec3f(rows[at]);
    if (parameters.channels == 3u) { colour = vec3f(rows[at], rows[at + 1u], rows[at + 2u]); }
  }
  textureStore(picture, id.xy, vec4f(colour, 1.0));
}
