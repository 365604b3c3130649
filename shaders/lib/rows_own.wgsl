// Every invocation loads all of its rows of op(a) itself.

fn own_rows(row: u32, k: u32, lane: u32) -> mat4x4f { return mat4x4f(); }
fn rows_0(own: mat4x4f, row: u32, k: u32) -> mat4x4f { return load_a(row, k); }
fn rows_1(own: mat4x4f, row: u32, k: u32) -> mat4x4f { return load_a(row + 4u, k); }
fn rows_2(own: mat4x4f, row: u32, k: u32) -> mat4x4f { return load_a(row + 8u, k); }
fn rows_3(own: mat4x4f, row: u32, k: u32) -> mat4x4f { return load_a(row + 12u, k); }
