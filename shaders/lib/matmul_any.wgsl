// Buffers and guarded scalar access for matmuls of any size.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> saved: array<f32>;
@group(0) @binding(5) var<storage, read_write> product: array<f32>;
@group(0) @binding(6) var<storage, read_write> column_sum: array<f32>;

// Outside the matrix the index is clamped and the value replaced: no branch in the inner loop.
fn element_a(row: u32, k: u32) -> f32 {
  let r = min(row, parameters.rows - 1u);
  let c = min(k, parameters.inner - 1u);
  let value = a[select(r * parameters.inner + c, c * parameters.rows + r, TRANSPOSE_A)];
  return select(0.0, value, row < parameters.rows && k < parameters.inner);
}

fn element_b(k: u32, column: u32) -> f32 {
  let r = min(k, parameters.inner - 1u);
  let c = min(column, parameters.columns - 1u);
  let value = b[select(r * parameters.columns + c, c * parameters.inner + r, TRANSPOSE_B)];
  return select(0.0, value, k < parameters.inner && column < parameters.columns);
}

fn a_row(row: u32, k: u32) -> vec4f {
  return vec4f(element_a(row, k), element_a(row, k + 1u), element_a(row, k + 2u), element_a(row, k + 3u));
}

fn b_row(k: u32, column: u32) -> vec4f {
  return vec4f(element_b(k, column), element_b(k, column + 1u), element_b(k, column + 2u), element_b(k, column + 3u));
}

fn load_a(row: u32, k: u32) -> mat4x4f {
  return mat4x4f(a_row(row, k), a_row(row + 1u, k), a_row(row + 2u, k), a_row(row + 3u, k));
}

fn load_b(k: u32, column: u32) -> mat4x4f {
  return mat4x4f(b_row(k, column), b_row(k + 1u, column), b_row(k + 2u, column), b_row(k + 3u, column));
}

fn read_bias(column: u32) -> vec4f {
  var value = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { value[i] = bias[column + i]; }
  }
  return value;
}

fn read_saved(row: u32, column: u32) -> vec4f {
  var value = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { value[i] = saved[row * parameters.columns + column + i]; }
  }
  return value;
}

fn store(row: u32, column: u32, split: u32, value: vec4f) {
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) {
      product[(split * parameters.rows + row) * parameters.columns + column + i] = value[i];
    }
  }
}

fn store_column_sum(column: u32, split: u32, value: vec4f) {
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { column_sum[split * parameters.columns + column + i] = value[i]; }
  }
}
