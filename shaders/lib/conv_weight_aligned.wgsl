// Loads of weight gradients whose channels, on either side, are multiples of 4.

//#include "operands_vec4.wgsl"

fn load_a(rows: Rows, inner: Inner) -> mat4x4f { return load_channels(rows, inner); }
fn load_b(inner: Inner, columns: Columns) -> mat4x4f { return load_pixels(inner, columns); }
