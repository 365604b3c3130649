// y = activation((x - mean) / sqrt(variance + epsilon) * gamma + beta), the mean and the biased variance of each
// group in two passes over its numbers. BatchNorm (UPDATE) also moves its running statistics, which take
// the place of the batch's where RUNNING.
// Wu and He 2018; Ba, Kiros and Hinton 2016; Ioffe and Szegedy 2015.

//#include "lib/activation.wgsl"
//#include "lib/normalize_group.wgsl"

override ACTIVATION: u32 = 0u;
override RUNNING: bool = false;
override UPDATE: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
// mean and variance of every channel, then the number of batches they come from
@group(0) @binding(5) var<storage, read> running: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> statistics: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> updated: array<f32>;

// A batch that is not finite leaves the running statistics as they were.
fn update(index: u32, fresh: f32) {
  let old = updated[index];
  let value = old + parameters.momentum * (fresh - old);
  if ((bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u) { updated[index] = value; }
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let own = row_of(group, groups) * COLUMNS + lane % COLUMNS;
  let exists = own < parameters.count;
  let positions = select(0u, parameters.positions, exists);
  let width = parameters.width;
  let channels = parameters.groups * width;
  let channel = own % parameters.groups * width;
  let base = own / parameters.groups * parameters.positions * channels + channel;
  let first_position = lane / COLUMNS / WIDTH_LANES;
  let first_column = lane / COLUMNS % WIDTH_LANES;
  var s = vec4f(x[select(0u, base, exists)], 0.0, 0.0, 0.0);
  if (RUNNING) {
    s = vec4f(running[channel], 0.0, inverseSqrt(running[channels + channel] + parameters.epsilon), 0.0);
  } else {
    let size = group_size();
    let limit = position_limit();
    let counted = select(min(positions, limit), positions, REPEATED);
    var total = 0.0;
    for (var p = first_position; p < counted; p += POSITION_LANES) {
      if (REPEATED && p % parameters.batch_positions >= limit) { continue; }
      var part = 0.0;
      for (var w = first_column; w < width; w += WIDTH_LANES) { part += x[base + p * channels + w] - s.x; }
      total += part;
    }
    s.y = workgroup_sum(total, lane) / size;
    total = 0.0;
    for (var p = first_position; p < counted; p += POSITION_LANES) {
      if (REPEATED && p % parameters.batch_positions >= limit) { continue; }
      var part = 0.0;
      for (var w = first_column; w < width; w += WIDTH_LANES) {
        let deviation = x[base + p * channels + w] - s.x - s.y;
        part += deviation * deviation;
      }
      total += part;
    }
    let squares = workgroup_sum(total, lane);
    s.z = inverseSqrt(squares / size + parameters.epsilon);
    if (UPDATE && exists && lane < COLUMNS && size > 1.0) {
      update(own, s.x + s.y);
      update(channels + own, squares / (size - 1.0));
      if (own == 0u) { updated[2u * channels] += 1.0; }
    }
  }
  if (exists && lane < COLUMNS) { statistics[own] = s; }
  for (var p = first_position; p < positions; p += POSITION_LANES) {
    for (var w = first_column; w < width; w += WIDTH_LANES) {
      let i = base + p * channels + w;
      y[i] = activate(ACTIVATION, normalized(x[i], s) * gamma[channel + w] + beta[channel + w]);
    }
  }
}
