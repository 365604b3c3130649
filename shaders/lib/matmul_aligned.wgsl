// Loads of matmuls whose `inner` and contiguous axes are multiples of 4.

//#include "operands_vec4.wgsl"

// Offsets, in vec4, of four rows of a; of the four along a row when a is transposed.
struct Rows { offsets: vec4u }
struct Columns { offset: u32 }

// Rows past the end repeat the last row; they are never stored.
fn rows_at(row: u32, z: u32) -> Rows {
  if (TRANSPOSE_A) { return Rows(vec4u(min(row / 4u, parameters.rows / 4u - 1u))); }
  return Rows(min(row + FOUR, vec4u(parameters.rows - 1u)) * (parameters.inner / 4u));
}

fn columns_at(column: u32) -> Columns {
  let first = min(column, parameters.columns - 4u);
  return Columns(select(first / 4u, first * (parameters.inner / 4u), TRANSPOSE_B));
}

// Column i holds op(a)[row + i, k .. k+3].
fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  if (TRANSPOSE_A) {
    let stride = parameters.rows / 4u;
    let i = inner.k * stride + rows.offsets.x;
    return transpose(mat4x4f(a[i], a[i + stride], a[i + 2u * stride], a[i + 3u * stride]));
  }
  let i = rows.offsets + inner.k / 4u;
  return mat4x4f(a[i.x], a[i.y], a[i.z], a[i.w]);
}

// Column j holds op(b)[k + j, column .. column+3].
fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  if (TRANSPOSE_B) {
    let stride = parameters.inner / 4u;
    let i = columns.offset + inner.k / 4u;
    return transpose(mat4x4f(b[i], b[i + stride], b[i + 2u * stride], b[i + 3u * stride]));
  }
  let stride = parameters.columns / 4u;
  let i = inner.k * stride + columns.offset;
  return mat4x4f(b[i], b[i + stride], b[i + 2u * stride], b[i + 3u * stride]);
}
