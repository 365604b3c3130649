// What a product does to a result before storing it: add a bias row, then activate, or multiply by the
// derivative of an activation (the backward pass of the layer below). Folded when the pipeline is made.
// The including kernel provides read_bias, read_saved and store over its own buffers.

//#include "epilogue_overrides.wgsl"

// The place of a row that is not stored.
const OUTSIDE: u32 = 0xffffffffu;
const FOUR: vec4u = vec4u(0u, 1u, 2u, 3u);

fn activate4(x: vec4f) -> vec4f {
  return vec4f(activate(ACTIVATION, x.x), activate(ACTIVATION, x.y), activate(ACTIVATION, x.z), activate(ACTIVATION, x.w));
}

fn derivative4(saved: vec4f) -> vec4f {
  return vec4f(activation_derivative(DERIVATIVE, saved.x), activation_derivative(DERIVATIVE, saved.y),
               activation_derivative(DERIVATIVE, saved.z), activation_derivative(DERIVATIVE, saved.w));
}

fn finish_row(place: u32, column: u32, sum: vec4f) {
  if (place == OUTSIDE) { return; }
  var value = sum;
  if (HAS_BIAS) { value += read_bias(column); }
  if (ACTIVATION != IDENTITY) { value = activate4(value); }
  if (DERIVATIVE != IDENTITY) { value *= derivative4(read_saved(place, column)); }
  store(place, column, value);
}

// Four rows of the product, whose first elements lie at `places`.
fn finish(places: vec4u, column: u32, tile: mat4x4f) {
  if (column >= parameters.columns) { return; }
  // A loop, not four calls: a call is inlined, and compiled every time.
  var rows = tile;
  for (var i = 0u; i < 4u; i++) { finish_row(places[i], column, rows[i]); }
}
