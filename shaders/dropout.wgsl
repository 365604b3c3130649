// y = x / (1 - rate) where the counter's uniform is at least the rate, else 0. The mask is made here from the step's
// seed and stream, so the backward pass makes it again. One invocation per pair of elements, which share words.

//#include "lib/threefry.wgsl"
//#include "lib/step.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  noise_tag: u32,
  // words below rate * 2^24 (of 24 bits) drop their element
  threshold: u32,
  scale: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let pair = element_of(group, groups, lane);
  let words = threefry(vec2u(step.seed.x, step.seed.y ^ parameters.noise_tag), vec2u(pair, step.stream));
  let last = min(2u * pair + 2u, parameters.count);
  for (var i = 2u * pair; i < last; i++) {
    let word = select(words.x, words.y, (i & 1u) == 1u) >> 8u;
    y[i] = select(0.0, parameters.scale * x[i], word >= parameters.threshold);
  }
}
