// Pooling windows over images, and the transposed map from windows to the pixels they hold, both as a gather.
// LINEAR adds u over a window (or over the windows of a pixel) and scales. PICK takes u where x is largest in the
// window, the first in row-major order; transposed, a pixel gets u of those of its windows whose largest it is.

//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  channels: u32,
  // windows of an image
  window_rows: i32,
  window_columns: i32,
  // size of the image, kernel, stride, padding
  rows: vec4i,
  columns: vec4i,
  scale: f32,
}

override PICK: bool = false;
override TRANSPOSED: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// [first, end) of the pixels of window w.
fn pixels_of(w: i32, axis: vec4i) -> vec2i {
  let first = w * axis.z - axis.w;
  return vec2i(max(first, 0), min(first + axis.y, axis.x));
}

// [first, end) of the windows that hold pixel p.
fn windows_of(p: i32, axis: vec4i, windows: i32) -> vec2i {
  let last = p + axis.w;
  return vec2i(max(last - axis.y + axis.z, 0) / axis.z, min(last / axis.z + 1, windows));
}

fn pixel_at(image: i32, row: i32, column: i32) -> u32 {
  return u32((image * parameters.rows.x + row) * parameters.columns.x + column);
}

fn first_maximum(image: i32, row: i32, column: i32, channel: u32) -> u32 {
  let rows = pixels_of(row, parameters.rows);
  let columns = pixels_of(column, parameters.columns);
  var best = pixel_at(image, rows.x, columns.x) * parameters.channels + channel;
  for (var r = rows.x; r < rows.y; r++) {
    for (var c = columns.x; c < columns.y; c++) {
      let other = pixel_at(image, r, c) * parameters.channels + channel;
      if (x[other] > x[best]) { best = other; }
    }
  }
  return best;
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  let channel = i % parameters.channels;
  let windows = vec2i(parameters.window_rows, parameters.window_columns);
  let pixels = vec2i(parameters.rows.x, parameters.columns.x);
  let size = select(windows, pixels, TRANSPOSED);
  let place = i32(i / parameters.channels);
  let column = place % size.y;
  let row = (place / size.y) % size.x;
  let image = place / (size.x * size.y);
  var total = 0.0;
  if (PICK && !TRANSPOSED) {
    total = u[first_maximum(image, row, column, channel)];
  } else {
    let others = select(pixels, windows, TRANSPOSED);
    let rows = select(pixels_of(row, parameters.rows), windows_of(row, parameters.rows, windows.x), TRANSPOSED);
    let columns = select(pixels_of(column, parameters.columns), windows_of(column, parameters.columns, windows.y), TRANSPOSED);
    for (var r = rows.x; r < rows.y; r++) {
      for (var c = columns.x; c < columns.y; c++) {
        if (PICK && first_maximum(image, r, c, channel) != i) { continue; }
        total += u[u32((image * others.x + r) * others.y + c) * parameters.channels + channel];
      }
    }
  }
  y[i] = total * parameters.scale;
}
