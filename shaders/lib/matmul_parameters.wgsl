// product[rows, columns] = op(a)[rows, inner] op(b)[inner, columns]; op transposes where asked.
struct Parameters {
  rows: u32,
  columns: u32,
  inner: u32,
  // The inner axis is cut into pieces of this length (a multiple of 4); piece s goes to product[s, rows, columns].
  split_length: u32,
}
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;

// Position on the inner axis.
struct Inner { k: u32 }

fn inner_range(z: u32) -> vec2u {
  let first = z * parameters.split_length;
  return vec2u(first, min(first + parameters.split_length, parameters.inner));
}
fn inner_at(k: u32, z: u32) -> Inner { return Inner(k); }
fn advance(inner: Inner, by: u32) -> Inner { return Inner(inner.k + by); }

// Where the first elements of four rows go; `column_place` is added to them.
fn row_places(row: u32, z: u32) -> vec4u {
  let rows = row + FOUR;
  return select(vec4u(OUTSIDE), (z * parameters.rows + rows) * parameters.columns, rows < vec4u(parameters.rows));
}
fn column_place(column: u32) -> u32 { return column; }
