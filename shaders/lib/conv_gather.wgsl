// The two forms of a convolution that gather a window for every pixel: the convolution itself, and its gradient
// by x (INPUT_GRADIENT), which is the transposed convolution. A gradient by x with stride s falls apart into
// s * s phases by the position of the pixel, each a small convolution of y's gradient in which every tap counts.
// Rows are pixels, columns channels; the inner axis is (tap y, tap x, channel of the gathered tensor).

//#include "conv_parameters.wgsl"

override INPUT_GRADIENT: bool = false;

// Four pixels: their image and the corner of their window in the gathered tensor.
struct Rows { image: vec4u, y: vec4i, x: vec4i }

fn phase_of(z: u32) -> vec2u {
  if (!INPUT_GRADIENT) { return vec2u(); }
  let phase = z / parameters.splits;
  return vec2u(phase / parameters.stride_x, phase % parameters.stride_x);
}

fn first_tap(phase: vec2u) -> vec2u {
  if (!INPUT_GRADIENT) { return vec2u(); }
  return vec2u((phase.x + parameters.top) % parameters.stride_y, (phase.y + parameters.left) % parameters.stride_x);
}

fn tap_count(first: vec2u) -> vec2u {
  let kernel = vec2u(parameters.kernel_height, parameters.kernel_width);
  if (!INPUT_GRADIENT) { return kernel; }
  let stride = vec2u(parameters.stride_y, parameters.stride_x);
  return (max(kernel, first) - first + stride - 1u) / stride;
}

fn gathered_channels() -> u32 { return select(parameters.channels, parameters.out_channels, INPUT_GRADIENT); }

fn inner_range(z: u32) -> vec2u {
  let taps = tap_count(first_tap(phase_of(z)));
  let first = (z % parameters.splits) * parameters.split_length;
  return vec2u(first, min(first + parameters.split_length, taps.x * taps.y * gathered_channels()));
}

// Pixels of a phase along y and x.
fn phase_size() -> vec2u {
  if (!INPUT_GRADIENT) { return vec2u(parameters.out_height, parameters.out_width); }
  return vec2u((parameters.height + parameters.stride_y - 1u) / parameters.stride_y,
               (parameters.width + parameters.stride_x - 1u) / parameters.stride_x);
}

fn pixels_of(row: u32) -> Counter {
  let size = phase_size();
  return counter_at(row + FOUR, size.y, size.x);
}

fn rows_at(row: u32, z: u32) -> Rows {
  let at = pixels_of(min(row, parameters.rows - 1u));
  let image = min(at.slow, vec4u(parameters.batch - 1u));
  if (INPUT_GRADIENT) {
    let phase = phase_of(z);
    return Rows(image, vec4i(at.middle + (phase.x + parameters.top) / parameters.stride_y),
                vec4i(at.fast + (phase.y + parameters.left) / parameters.stride_x));
  }
  return Rows(image, vec4i(at.middle * parameters.stride_y) - i32(parameters.top),
              vec4i(at.fast * parameters.stride_x) - i32(parameters.left));
}

// Along an axis the tap number t of a window lies at its corner + t in x, and at its corner - t in y's gradient.
fn tap_at(corner: vec4i, tap: vec4u) -> vec4u {
  if (INPUT_GRADIENT) { return vec4u(corner - vec4i(tap)); }
  return vec4u(corner + vec4i(tap));
}

fn is_inside(y: vec4u, x: vec4u) -> vec4<bool> {
  if (INPUT_GRADIENT) { return (y < vec4u(parameters.out_height)) & (x < vec4u(parameters.out_width)); }
  return (y < vec4u(parameters.height * UPSAMPLE)) & (x < vec4u(parameters.width * UPSAMPLE));
}

// Elements of the gathered tensor; 0 where they lie in the padding.
fn gathered(image: vec4u, y: vec4u, x: vec4u, channel: vec4u, inside: vec4<bool>) -> vec4u {
  if (INPUT_GRADIENT) { return select(vec4u(), y_pixel(image, y, x) + y_channel(channel), inside); }
  return select(vec4u(), x_pixel(image, y, x) + channel, inside);
}

fn row_places(row: u32, z: u32) -> vec4u {
  let at = pixels_of(row);
  let split = (z % parameters.splits) * parameters.product_length;
  let rows = row + FOUR;
  let stored = rows < vec4u(parameters.rows);
  if (INPUT_GRADIENT) {
    let phase = phase_of(z);
    let y = at.middle * parameters.stride_y + phase.x;
    let x = at.fast * parameters.stride_x + phase.y;
    let inside = stored & (y < vec4u(parameters.height)) & (x < vec4u(parameters.width));
    return select(vec4u(OUTSIDE), split + x_pixel(at.slow, y, x), inside);
  }
  return select(vec4u(OUTSIDE), split + y_pixel(at.slow, at.middle, at.fast), stored);
}

fn column_place(column: u32) -> u32 {
  if (INPUT_GRADIENT) { return column; }
  return y_channel(vec4u(column)).x;
}

// Loads where four neighbours on the inner axis are channels of one tap, side by side in memory.

// Column i holds four channels of a tap of pixel i.
fn load_channels(rows: Rows, row: u32, column: u32, channel: u32) -> mat4x4f {
  let y = tap_at(rows.y, vec4u(row));
  let x = tap_at(rows.x, vec4u(column));
  let inside = is_inside(y, x);
  let i = gathered(rows.image, y, x, vec4u(channel), inside);
  return mat4x4f(select(vec4f(), read_a(i.x), inside.x), select(vec4f(), read_a(i.y), inside.y),
                 select(vec4f(), read_a(i.z), inside.z), select(vec4f(), read_a(i.w), inside.w));
}

// The tap of the weight that tap (row, column) of a phase is.
fn weight_tap(first: vec2u, row: u32, column: u32) -> u32 {
  if (!INPUT_GRADIENT) { return row * parameters.kernel_width + column; }
  return (first.x + row * parameters.stride_y) * parameters.kernel_width + first.y + column * parameters.stride_x;
}

// Column j holds w at channel j of the four, columns .. columns + 3; all side by side in memory.
fn load_weights(tap: u32, channel: u32, first_column: u32) -> mat4x4f {
  let column = min(first_column, parameters.columns - 4u);
  if (INPUT_GRADIENT) {
    let stride = parameters.out_channels;
    let i = (tap * parameters.channels + column) * stride + channel;
    return transpose(mat4x4f(read_b(i), read_b(i + stride), read_b(i + 2u * stride), read_b(i + 3u * stride)));
  }
  let stride = parameters.columns;
  let i = (tap * parameters.channels + channel) * stride + column;
  return mat4x4f(read_b(i), read_b(i + stride), read_b(i + 2u * stride), read_b(i + 3u * stride));
}
