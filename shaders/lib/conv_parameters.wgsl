// A convolution y = conv(x, w) and its gradients as products: x f32[batch, height, width, channels],
// w f32[kernel_height, kernel_width, channels, out_channels], y f32[batch, out_height, out_width, out_channels].
// Nothing is unfolded into memory: loads and stores compute where an element of the unfolded matrix lies.
struct Parameters {
  rows: u32,
  columns: u32,
  inner: u32,
  // The inner axis is cut into `splits` pieces of this length (a multiple of 4); their products lie one after another.
  split_length: u32,
  splits: u32,
  product_length: u32,
  batch: u32,
  height: u32,
  width: u32,
  channels: u32,
  out_height: u32,
  out_width: u32,
  out_channels: u32,
  // channels of y as it is kept: out_channels / (SHUFFLE * SHUFFLE)
  cell: u32,
  kernel_height: u32,
  kernel_width: u32,
  stride_y: u32,
  stride_x: u32,
  top: u32,
  left: u32,
}

// y is kept with its channels divided among SHUFFLE x SHUFFLE pixels: a deconvolution by reshape.
override SHUFFLE: u32 = 1u;
// x is kept this many times smaller: every pixel stands for UPSAMPLE x UPSAMPLE equal ones.
override UPSAMPLE: u32 = 1u;

// A mixed-radix number (fast, middle, slow), four at once: the position of a pixel (x, y, image), of an
// element of a kernel window (channel, tap x, tap y).
struct Counter { fast: vec4u, middle: vec4u, slow: vec4u }

fn counter_at(index: vec4u, fast: u32, middle: u32) -> Counter {
  let rest = index / fast;
  let slow = rest / middle;
  return Counter(index - rest * fast, rest - slow * middle, slow);
}

// Counts on without a division, which software adapters do lane by lane.
fn count_on(start: Counter, by: u32, fast: u32, middle: u32) -> Counter {
  var at = start;
  at.fast += by;
  while (any(at.fast >= vec4u(fast))) {
    let carry = at.fast >= vec4u(fast);
    at.fast -= select(vec4u(), vec4u(fast), carry);
    at.middle += select(vec4u(), vec4u(1u), carry);
    let overflow = at.middle >= vec4u(middle);
    at.middle -= select(vec4u(), vec4u(middle), overflow);
    at.slow += select(vec4u(), vec4u(1u), overflow);
  }
  return at;
}

// Overrides of 1 divide too, lane by lane, unless they are told not to.
fn kept(coordinate: vec4u) -> vec4u {
  if (UPSAMPLE == 1u) { return coordinate; }
  return coordinate / UPSAMPLE;
}

// Element of x at channel 0 of a pixel.
fn x_pixel(image: vec4u, y: vec4u, x: vec4u) -> vec4u {
  return ((image * parameters.height + kept(y)) * parameters.width + kept(x)) * parameters.channels;
}

// Element of y, as it is kept, at channel 0 of a pixel; `y_channel` is added to it.
fn y_pixel(image: vec4u, y: vec4u, x: vec4u) -> vec4u {
  return ((image * parameters.out_height + y) * SHUFFLE * parameters.out_width + x) * SHUFFLE * parameters.cell;
}

fn y_channel(channel: vec4u) -> vec4u {
  if (SHUFFLE == 1u) { return channel; }
  let cell = parameters.cell;
  // exact: the distance of (c + 1/2) / cell to an integer is at least 1 / (2 cell), and channels are below 2^20
  let part = vec4u((vec4f(channel) + 0.5) / f32(cell));
  let row = part / SHUFFLE;
  return (row * SHUFFLE * parameters.out_width + part - row * SHUFFLE) * cell + channel - part * cell;
}
