// Guarded loads of weight gradients with any number of channels.

//#include "operands_scalar.wgsl"

// One element of the window for four pixels.
fn taps(channel: u32, corner_y: i32, corner_x: i32, inner: Inner) -> vec4f {
  let y = tap_y(inner, corner_y);
  let x = tap_x(inner, corner_x);
  let inside = is_inside(y, x) & counted(inner);
  let i = select(vec4u(), x_pixel(inner.at.slow, y, x) + channel, inside);
  return select(vec4f(), vec4f(a[i.x], a[i.y], a[i.z], a[i.w]), inside);
}

fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  if (WHOLE_INNER) { return load_channels(rows, inner); }
  return mat4x4f(taps(rows.channel.x, rows.y.x, rows.x.x, inner), taps(rows.channel.y, rows.y.y, rows.x.y, inner),
                 taps(rows.channel.z, rows.y.z, rows.x.z, inner), taps(rows.channel.w, rows.y.w, rows.x.w, inner));
}

// Four channels of one pixel.
fn pixel(place: u32, columns: Columns, used: bool) -> vec4f {
  let column = columns.first + FOUR;
  let stored = vec4<bool>(used) & (column < vec4u(parameters.columns));
  let i = select(vec4u(), place + columns.places, stored);
  return select(vec4f(), vec4f(b[i.x], b[i.y], b[i.z], b[i.w]), stored);
}

fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  if (WHOLE_COLUMNS) { return load_pixels(inner, columns); }
  let used = counted(inner);
  let places = y_pixel(inner.at.slow, inner.at.middle, inner.at.fast);
  return mat4x4f(pixel(places.x, columns, used.x), pixel(places.y, columns, used.y),
                 pixel(places.z, columns, used.z), pixel(places.w, columns, used.w));
}
