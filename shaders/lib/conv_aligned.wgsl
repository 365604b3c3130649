// Loads of gathering convolutions whose channels, on either side, are multiples of 4.

//#include "operands_vec4.wgsl"

struct Columns { first: u32 }

fn columns_at(column: u32) -> Columns { return Columns(column); }
fn load_a(rows: Rows, inner: Inner) -> mat4x4f { return load_channels(rows, inner); }
fn load_b(inner: Inner, columns: Columns) -> mat4x4f { return load_weights(inner, columns.first); }
