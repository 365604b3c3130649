// Loads of gathering convolutions whose channels, on either side, are multiples of 4: four neighbours on the inner
// axis are channels of one tap, and one counter does for them. Registers are what these kernels are short of.

//#include "operands_vec4.wgsl"

struct Columns { first: u32 }
// The tap (y, x) of the phase, its first channel, the phase's first tap and how many taps it has along x.
struct Inner { row: u32, column: u32, channel: u32, first: vec2u, width: u32 }

fn columns_at(column: u32) -> Columns { return Columns(column); }

fn inner_at(k: u32, z: u32) -> Inner {
  let first = first_tap(phase_of(z));
  let width = max(tap_count(first).y, 1u);
  let tap = k / gathered_channels();
  return Inner(tap / width, tap % width, k - tap * gathered_channels(), first, width);
}

fn advance(inner: Inner, by: u32) -> Inner {
  var next = inner;
  next.channel += by;
  while (next.channel >= gathered_channels()) {
    next.channel -= gathered_channels();
    next.column++;
    if (next.column == next.width) {
      next.column = 0u;
      next.row++;
    }
  }
  return next;
}

fn load_a(rows: Rows, inner: Inner) -> mat4x4f { return load_channels(rows, inner.row, inner.column, inner.channel); }
fn load_b(inner: Inner, columns: Columns) -> mat4x4f {
  return load_weights(weight_tap(inner.first, inner.row, inner.column), inner.channel, columns.first);
}
