// Loads of gathering convolutions whose channels, on either side, are multiples of 4.

//#include "operands_vec4.wgsl"

struct Columns { first: u32 }

fn columns_at(column: u32) -> Columns { return Columns(min(column, parameters.columns - 4u)); }

// Column i holds four channels of the tap of pixel i.
fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  let y = tap_at(rows.y, vec4u(inner.at.slow.x));
  let x = tap_at(rows.x, vec4u(inner.at.middle.x));
  let inside = is_inside(y, x);
  let i = gathered(rows.image, y, x, vec4u(inner.at.fast.x), inside) / 4u;
  return mat4x4f(select(vec4f(), a[i.x], inside.x), select(vec4f(), a[i.y], inside.y),
                 select(vec4f(), a[i.z], inside.z), select(vec4f(), a[i.w], inside.w));
}

// Column j holds w at channel j of the four, columns .. columns + 3.
fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  let at = inner.at;
  if (INPUT_GRADIENT) {
    let tap = (inner.first.x + at.slow.x * parameters.stride_y) * parameters.kernel_width
            + inner.first.y + at.middle.x * parameters.stride_x;
    let stride = parameters.out_channels / 4u;
    let i = (tap * parameters.channels + columns.first) * stride + at.fast.x / 4u;
    return transpose(mat4x4f(b[i], b[i + stride], b[i + 2u * stride], b[i + 3u * stride]));
  }
  let stride = parameters.columns / 4u;
  let tap = at.slow.x * parameters.kernel_width + at.middle.x;
  let i = (tap * parameters.channels + at.fast.x) * stride + columns.first / 4u;
  return mat4x4f(b[i], b[i + stride], b[i + 2u * stride], b[i + 3u * stride]);
}
