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
  return Columns(column, y_channel(min(column + FOUR, vec4u(parameters.columns - 1u))));
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

// Loads where four rows are channels of one tap, and four columns channels of one pixel, side by side in memory.

fn load_channels(rows: Rows, inner: Inner) -> mat4x4f {
  let y = tap_y(inner, rows.y.x);
  let x = tap_x(inner, rows.x.x);
  let inside = is_inside(y, x) & counted(inner);
  let i = select(vec4u(), x_pixel(inner.at.slow, y, x) + rows.channel.x, inside);
  return transpose(mat4x4f(select(vec4f(), read_a(i.x), inside.x), select(vec4f(), read_a(i.y), inside.y),
                           select(vec4f(), read_a(i.z), inside.z), select(vec4f(), read_a(i.w), inside.w)));
}

fn load_pixels(inner: Inner, columns: Columns) -> mat4x4f {
  let used = counted(inner);
  let i = select(vec4u(), y_pixel(inner.at.slow, inner.at.middle, inner.at.fast) + columns.places.x, used);
  return mat4x4f(select(vec4f(), read_b(i.x), used.x), select(vec4f(), read_b(i.y), used.y),
                 select(vec4f(), read_b(i.z), used.z), select(vec4f(), read_b(i.w), used.w));
}
