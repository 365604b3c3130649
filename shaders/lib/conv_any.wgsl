// Guarded loads of gathering convolutions with any number of channels.

//#include "operands_scalar.wgsl"

struct Columns { first: u32 }
// Four neighbours on the inner axis; the first tap of the phase, and how many taps it has, as (y, x).
struct Inner { at: Counter, first: vec2u, taps: vec2u }

fn columns_at(column: u32) -> Columns { return Columns(column); }

fn inner_at(k: u32, z: u32) -> Inner {
  let first = first_tap(phase_of(z));
  let taps = tap_count(first);
  return Inner(counter_at(k + FOUR, gathered_channels(), max(taps.y, 1u)), first, taps);
}

fn advance(inner: Inner, by: u32) -> Inner {
  return Inner(count_on(inner.at, by, gathered_channels(), max(inner.taps.y, 1u)), inner.first, inner.taps);
}

// Four neighbours on the inner axis for one pixel.
fn window(image: u32, corner_y: i32, corner_x: i32, inner: Inner) -> vec4f {
  let y = tap_at(vec4i(corner_y), inner.at.slow);
  let x = tap_at(vec4i(corner_x), inner.at.middle);
  let inside = is_inside(y, x) & (inner.at.slow < vec4u(inner.taps.x));
  let i = gathered(vec4u(image), y, x, inner.at.fast, inside);
  return select(vec4f(), vec4f(a[i.x], a[i.y], a[i.z], a[i.w]), inside);
}

fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  let at = inner.at;
  if (WHOLE_INNER) { return load_channels(rows, at.slow.x, at.middle.x, at.fast.x); }
  return mat4x4f(window(rows.image.x, rows.y.x, rows.x.x, inner), window(rows.image.y, rows.y.y, rows.x.y, inner),
                 window(rows.image.z, rows.y.z, rows.x.z, inner), window(rows.image.w, rows.y.w, rows.x.w, inner));
}

// The elements of w at column 0, for four neighbours on the inner axis.
fn weight_rows(inner: Inner) -> vec4u {
  let at = inner.at;
  let tap = vec4u(weight_tap(inner.first, at.slow.x, at.middle.x), weight_tap(inner.first, at.slow.y, at.middle.y),
                  weight_tap(inner.first, at.slow.z, at.middle.z), weight_tap(inner.first, at.slow.w, at.middle.w));
  if (INPUT_GRADIENT) { return tap * parameters.channels * parameters.out_channels + at.fast; }
  return (tap * parameters.channels + at.fast) * parameters.columns;
}

// Elements of w for four neighbours on the inner axis.
fn weights(first: vec4u, stride: u32, column: u32, used: vec4<bool>) -> vec4f {
  let stored = used & vec4<bool>(column < parameters.columns);
  let i = select(vec4u(), first + column * stride, stored);
  return select(vec4f(), vec4f(b[i.x], b[i.y], b[i.z], b[i.w]), stored);
}

fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  if (WHOLE_INNER && WHOLE_COLUMNS) {
    let at = inner.at;
    return load_weights(weight_tap(inner.first, at.slow.x, at.middle.x), at.fast.x, columns.first);
  }
  let first = weight_rows(inner);
  let stride = select(1u, parameters.out_channels, INPUT_GRADIENT);
  let used = inner.at.slow < vec4u(inner.taps.x);
  let column = columns.first;
  return transpose(mat4x4f(weights(first, stride, column, used), weights(first, stride, column + 1u, used),
                           weights(first, stride, column + 2u, used), weights(first, stride, column + 3u, used)));
}
