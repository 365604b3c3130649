// Guarded loads of matmuls of any size.

//#include "operands_scalar.wgsl"

struct Rows { first: u32 }
struct Columns { first: u32 }

fn rows_at(row: u32, z: u32) -> Rows { return Rows(row); }
fn columns_at(column: u32) -> Columns { return Columns(column); }

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

fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  let row = rows.first;
  return mat4x4f(a_row(row, inner.k), a_row(row + 1u, inner.k), a_row(row + 2u, inner.k), a_row(row + 3u, inner.k));
}

fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  let k = inner.k;
  let column = columns.first;
  return mat4x4f(b_row(k, column), b_row(k + 1u, column), b_row(k + 2u, column), b_row(k + 3u, column));
}
