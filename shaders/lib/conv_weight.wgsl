// The gradient of a convolution by its weight: rows are (tap y, tap x, channel of x), columns channels of y, and
// the inner axis runs over all pixels of y's gradient, in pieces that a sum adds in order.

//#include "conv_parameters.wgsl"

// Four elements of a window: their channel and where their tap lies from the pixel's corner.
struct Rows { channel: vec4u, y: vec4i, x: vec4i }
struct Columns { first: u32, places: vec4u }
// Four neighbouring pixels.
struct Inner { at: Counter }

fn inner_range(z: u32) -> vec2u {
  let first = z * parameters.split_length;
  return vec2u(first, min(first + parameters.split_length, parameters.inner));
}
fn inner_at(k: u32, z: u32) -> Inner { return Inner(counter_at(k + FOUR, parameters.out_width, parameters.out_height)); }
fn advance(inner: Inner, by: u32) -> Inner {
  return Inner(count_on(inner.at, by, parameters.out_width, parameters.out_height));
}

fn rows_at(row: u32, z: u32) -> Rows {
  let at = counter_at(min(row + FOUR, vec4u(parameters.rows - 1u)), parameters.channels, parameters.kernel_width);
  return Rows(at.fast, vec4i(at.slow) - i32(parameters.top), vec4i(at.middle) - i32(parameters.left));
}

fn columns_at(column: u32) -> Columns {
  let first = min(column + FOUR, vec4u(parameters.columns - 1u));
  return Columns(column, y_channel(first));
}

// Pixels past the last are no part of the sum.
fn counted(inner: Inner) -> vec4<bool> { return inner.at.slow < vec4u(parameters.batch); }

// Where a tap of the four pixels lies in x.
fn tap_y(inner: Inner, y: i32) -> vec4u { return vec4u(vec4i(inner.at.middle * parameters.stride_y) + y); }
fn tap_x(inner: Inner, x: i32) -> vec4u { return vec4u(vec4i(inner.at.fast * parameters.stride_x) + x); }
fn is_inside(y: vec4u, x: vec4u) -> vec4<bool> {
  return (y < vec4u(parameters.height * UPSAMPLE)) & (x < vec4u(parameters.width * UPSAMPLE));
}

fn row_places(row: u32, z: u32) -> vec4u {
  let rows = row + FOUR;
  return select(vec4u(OUTSIDE), z * parameters.product_length + rows * parameters.columns, rows < vec4u(parameters.rows));
}
fn column_place(column: u32) -> u32 { return column; }
