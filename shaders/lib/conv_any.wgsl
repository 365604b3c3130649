// Guarded loads of gathering convolutions with any number of channels.

//#include "operands_scalar.wgsl"

struct Columns { first: u32 }

fn columns_at(column: u32) -> Columns { return Columns(column); }

// Four neighbours on the inner axis for one pixel.
fn window(image: u32, corner_y: i32, corner_x: i32, inner: Inner) -> vec4f {
  let y = tap_at(vec4i(corner_y), inner.at.slow);
  let x = tap_at(vec4i(corner_x), inner.at.middle);
  let inside = is_inside(y, x) & (inner.at.slow < vec4u(inner.taps.x));
  let i = gathered(vec4u(image), y, x, inner.at.fast, inside);
  return select(vec4f(), vec4f(a[i.x], a[i.y], a[i.z], a[i.w]), inside);
}

fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  return mat4x4f(window(rows.image.x, rows.y.x, rows.x.x, inner), window(rows.image.y, rows.y.y, rows.x.y, inner),
                 window(rows.image.z, rows.y.z, rows.x.z, inner), window(rows.image.w, rows.y.w, rows.x.w, inner));
}

// Elements of w for four neighbours on the inner axis, `first` at column 0, `stride` from column to column.
fn weights(first: vec4u, stride: u32, column: u32, used: vec4<bool>) -> vec4f {
  let stored = used & vec4<bool>(column < parameters.columns);
  let i = select(vec4u(), first + column * stride, stored);
  return select(vec4f(), vec4f(b[i.x], b[i.y], b[i.z], b[i.w]), stored);
}

fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  let at = inner.at;
  var first = ((at.slow * parameters.kernel_width + at.middle) * parameters.channels + at.fast) * parameters.columns;
  var stride = 1u;
  if (INPUT_GRADIENT) {
    let tap = (inner.first.x + at.slow * parameters.stride_y) * parameters.kernel_width
            + inner.first.y + at.middle * parameters.stride_x;
    first = tap * parameters.channels * parameters.out_channels + at.fast;
    stride = parameters.out_channels;
  }
  let used = at.slow < vec4u(inner.taps.x);
  return transpose(mat4x4f(weights(first, stride, columns.first, used), weights(first, stride, columns.first + 1u, used),
                           weights(first, stride, columns.first + 2u, used), weights(first, stride, columns.first + 3u, used)));
}
