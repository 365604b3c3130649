// Guarded loads of matmuls of any size. Outside a matrix the index is replaced and the value is 0: no branches,
// which software adapters are slow to compile.

//#include "operands_scalar.wgsl"

struct Rows { first: u32 }
struct Columns { first: u32 }

fn rows_at(row: u32, z: u32) -> Rows { return Rows(row); }
fn columns_at(column: u32) -> Columns { return Columns(column); }

// op(a)[row, k .. k+3]
fn a_row(row: u32, inner: Inner) -> vec4f {
  let k = inner.k + FOUR;
  let inside = (k < vec4u(parameters.inner)) & vec4<bool>(row < parameters.rows);
  let i = select(vec4u(), select(row * parameters.inner + k, k * parameters.rows + row, TRANSPOSE_A), inside);
  return select(vec4f(), vec4f(a[i.x], a[i.y], a[i.z], a[i.w]), inside);
}

// op(b)[k .. k+3, column]
fn b_column(inner: Inner, column: u32) -> vec4f {
  let k = inner.k + FOUR;
  let inside = (k < vec4u(parameters.inner)) & vec4<bool>(column < parameters.columns);
  let i = select(vec4u(), select(k * parameters.columns + column, column * parameters.inner + k, TRANSPOSE_B), inside);
  return select(vec4f(), vec4f(b[i.x], b[i.y], b[i.z], b[i.w]), inside);
}

fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  let row = rows.first;
  return mat4x4f(a_row(row, inner), a_row(row + 1u, inner), a_row(row + 2u, inner), a_row(row + 3u, inner));
}

fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  let column = columns.first;
  return transpose(mat4x4f(b_column(inner, column), b_column(inner, column + 1u),
                           b_column(inner, column + 2u), b_column(inner, column + 3u)));
}
