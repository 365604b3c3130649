// Every invocation loads all of its rows of op(a) itself.

struct OwnRows { r0: Rows, r1: Rows, r2: Rows, r3: Rows }

fn own_rows_at(row: u32, lane: u32, z: u32) -> OwnRows {
  return OwnRows(rows_at(row, z), rows_at(row + 4u, z), rows_at(row + 8u, z), rows_at(row + 12u, z));
}
fn load_own(rows: OwnRows, inner: Inner) -> mat4x4f { return mat4x4f(); }
fn rows_0(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f { return load_a(rows.r0, inner); }
fn rows_1(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f { return load_a(rows.r1, inner); }
fn rows_2(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f { return load_a(rows.r2, inner); }
fn rows_3(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f { return load_a(rows.r3, inner); }
