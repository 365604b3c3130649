// Loads of weight gradients whose channels, on either side, are multiples of 4.

//#include "operands_vec4.wgsl"

fn load_a(rows: Rows, inner: Inner) -> mat4x4f {
  let y = tap_y(inner, rows.y.x);
  let x = tap_x(inner, rows.x.x);
  let inside = is_inside(y, x) & counted(inner);
  let i = select(vec4u(), x_pixel(inner.at.slow, y, x) + rows.channel.x, inside) / 4u;
  return transpose(mat4x4f(select(vec4f(), a[i.x], inside.x), select(vec4f(), a[i.y], inside.y),
                           select(vec4f(), a[i.z], inside.z), select(vec4f(), a[i.w], inside.w)));
}

fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  let used = counted(inner);
  let i = select(vec4u(), y_pixel(inner.at.slow, inner.at.middle, inner.at.fast) + columns.places.x, used) / 4u;
  return mat4x4f(select(vec4f(), b[i.x], used.x), select(vec4f(), b[i.y], used.y),
                 select(vec4f(), b[i.z], used.z), select(vec4f(), b[i.w], used.w));
}
