// Buffers and vec4 access for matmuls whose `inner` and contiguous axes are multiples of 4: no guards inside.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> saved: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> product: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> column_sum: array<vec4f>;

// Column i holds op(a)[row + i, k .. k+3]. Rows past the end repeat the last row; they are never stored.
fn load_a(row: u32, k: u32) -> mat4x4f {
  if (TRANSPOSE_A) {
    let stride = parameters.rows / 4u;
    let i = k * stride + min(row / 4u, stride - 1u);
    return transpose(mat4x4f(a[i], a[i + stride], a[i + 2u * stride], a[i + 3u * stride]));
  }
  let stride = parameters.inner / 4u;
  let end = parameters.rows - 1u;
  let q = k / 4u;
  return mat4x4f(a[min(row, end) * stride + q], a[min(row + 1u, end) * stride + q],
                 a[min(row + 2u, end) * stride + q], a[min(row + 3u, end) * stride + q]);
}

// Column j holds op(b)[k + j, column .. column+3].
fn load_b(k: u32, column: u32) -> mat4x4f {
  if (TRANSPOSE_B) {
    let stride = parameters.inner / 4u;
    let i = min(column, parameters.columns - 4u) * stride + k / 4u;
    return transpose(mat4x4f(b[i], b[i + stride], b[i + 2u * stride], b[i + 3u * stride]));
  }
  let stride = parameters.columns / 4u;
  let i = k * stride + min(column / 4u, stride - 1u);
  return mat4x4f(b[i], b[i + stride], b[i + 2u * stride], b[i + 3u * stride]);
}

fn read_bias(column: u32) -> vec4f { return bias[column / 4u]; }
fn read_saved(row: u32, column: u32) -> vec4f { return saved[(row * parameters.columns + column) / 4u]; }
fn store(row: u32, column: u32, split: u32, value: vec4f) {
  product[((split * parameters.rows + row) * parameters.columns + column) / 4u] = value;
}
fn store_column_sum(column: u32, split: u32, value: vec4f) {
  if (column < parameters.columns) { column_sum[(split * parameters.columns + column) / 4u] = value; }
}
