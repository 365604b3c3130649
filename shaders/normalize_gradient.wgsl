// The gradient of a normalization by x, with h = gamma * y_gradient and n = (x - mean) / deviation:
// x_gradient = (h - mean of h - n * mean of h n) / deviation. A padding row took no part in the means.

//#include "lib/normalize_group.wgsl"

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> y_gradient: array<f32>;
@group(0) @binding(5) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> x_gradient: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = row_of(group, groups) * COLUMNS + lane % COLUMNS;
  let positions = select(0u, parameters.positions, own < parameters.count);
  let width = parameters.width;
  let channels = parameters.groups * width;
  let channel = own % parameters.groups * width;
  let base = own / parameters.groups * parameters.positions * channels + channel;
  let first_position = lane / COLUMNS / WIDTH_LANES;
  let first_column = lane / COLUMNS % WIDTH_LANES;
  let s = statistics[min(own, parameters.count - 1u)];
  var plain = 0.0;
  var product = 0.0;
  for (var p = first_position; p < positions; p += POSITION_LANES) {
    var plain_part = 0.0;
    var product_part = 0.0;
    for (var w = first_column; w < width; w += WIDTH_LANES) {
      let i = base + p * channels + w;
      let h = gamma[channel + w] * y_gradient[i];
      plain_part += h;
      product_part += h * normalized(x[i], s);
    }
    plain += plain_part;
    product += product_part;
  }
  let size = group_size();
  let limit = position_limit();
  plain = workgroup_sum(plain, lane) / size;
  product = workgroup_sum(product, lane) / size;
  for (var p = first_position; p < positions; p += POSITION_LANES) {
    var in_batch = p;
    if (REPEATED) { in_batch = p % parameters.batch_positions; }
    let share = select(0.0, 1.0, in_batch < limit);
    for (var w = first_column; w < width; w += WIDTH_LANES) {
      let i = base + p * channels + w;
      let h = gamma[channel + w] * y_gradient[i];
      x_gradient[i] = (h - share * (plain + product * normalized(x[i], s))) * s.z;
    }
  }
}
