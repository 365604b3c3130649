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

// Four rows; written out because indexing a matrix by a variable would move it to memory.
fn finish(row: u32, column: u32, split: u32, tile: mat4x4f) {
  if (column >= parameters.columns) { return; }
  finish_row(row, column, split, tile[0]);
  finish_row(row + 1u, column, split, tile[1]);
  finish_row(row + 2u, column, split, tile[2]);
  finish_row(row + 3u, column, split, tile[3]);
}
