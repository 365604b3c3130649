// The four invocations of a quad load a quarter of their common rows of op(a) each and hand them around.
// A quad operation takes its lane as a constant, hence four functions.

struct OwnRows { quarter: Rows }

fn own_rows_at(row: u32, lane: u32, z: u32) -> OwnRows { return OwnRows(rows_at(row + 4u * lane, z)); }
fn load_own(rows: OwnRows, inner: Inner) -> mat4x4f { return load_a(rows.quarter, inner); }
fn rows_0(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f {
  return mat4x4f(quadBroadcast(own[0], 0u), quadBroadcast(own[1], 0u), quadBroadcast(own[2], 0u), quadBroadcast(own[3], 0u));
}
fn rows_1(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f {
  return mat4x4f(quadBroadcast(own[0], 1u), quadBroadcast(own[1], 1u), quadBroadcast(own[2], 1u), quadBroadcast(own[3], 1u));
}
fn rows_2(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f {
  return mat4x4f(quadBroadcast(own[0], 2u), quadBroadcast(own[1], 2u), quadBroadcast(own[2], 2u), quadBroadcast(own[3], 2u));
}
fn rows_3(own: mat4x4f, rows: OwnRows, inner: Inner) -> mat4x4f {
  return mat4x4f(quadBroadcast(own[0], 3u), quadBroadcast(own[1], 3u), quadBroadcast(own[2], 3u), quadBroadcast(own[3], 3u));
}
