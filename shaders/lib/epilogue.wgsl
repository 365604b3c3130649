// What a matmul does to a result before storing it: add a bias row, then activate, or multiply by the
// derivative of an activation (the backward pass of the layer below). Folded when the pipeline is made.
// The including kernel provides read_bias, read_saved and store over its own buffers.

//#include "epilogue_overrides.wgsl"

fn activate4(x: vec4f) -> vec4f {
  return vec4f(activate(ACTIVATION, x.x), activate(ACTIVATION, x.y), activate(ACTIVATION, x.z), activate(ACTIVATION, x.w));
}

fn derivative4(saved: vec4f) -> vec4f {
  return vec4f(activation_derivative(DERIVATIVE, saved.x), activation_derivative(DERIVATIVE, saved.y),
               activation_derivative(DERIVATIVE, saved.z), activation_derivative(DERIVATIVE, saved.w));
}

fn finish_row(row: u32, column: u32, split: u32, sum: vec4f) {
  if (row >= parameters.rows) { return; }
  var value = sum;
  if (HAS_BIAS) { value += read_bias(column); }
  if (ACTIVATION != IDENTITY) { value = activate4(value); }
  if (DERIVATIVE != IDENTITY) { value *= derivative4(read_saved(row, column)); }
  store(row, column, split, value);
}

// Four rows of the product.
fn finish(row: u32, column: u32, split: u32, tile: mat4x4f) {
  if (column >= parameters.columns) { return; }
  var rows = tile;
  for (var i = 0u; i < 4u; i++) { finish_row(row + i, column, split, rows[i]); }
}
