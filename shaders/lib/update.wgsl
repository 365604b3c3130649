// What every optimizer does to the flat parameter buffer: clip by the global norm, refuse what is not finite.
// A gradient or an updated weight that is not finite leaves its element (and its moments) as they were and
// records its index, so that one bad batch cannot destroy the weights.

//#include "math.wgsl"
//#include "step.wgsl"
//#include "elements.wgsl"

struct Parameters {
  // the vec4 elements of the flat buffers that are updated
  first: u32,
  count: u32,
  beta1: f32,
  // 1 - beta, rounded from float64: in f32 1 - 0.999 is off by 5e-5
  complement1: f32,
  complement2: f32,
  // clip the gradient to this global norm; 0: no clipping
  max_norm: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(3) var<storage, read> squared_norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> weights: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> moment1: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec4f>;
// the lowest flat element index that was refused; 0xffffffff: none
@group(0) @binding(7) var<storage, read_write> refused: array<atomic<u32>>;

// As torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm + 1e-6)).
fn clip_scale() -> f32 {
  if (parameters.max_norm <= 0.0) { return 1.0; }
  return min(1.0, parameters.max_norm / (sqrt(squared_norm[0]) + 1e-6));
}

const EXPONENT: vec4u = vec4u(0x7f800000u);

// Component by component: true where the gradient (or a moment made from it) and the updated weight are both
// finite. Records the first that is not.
fn accepted(source: vec4f, updated: vec4f, index: u32) -> vec4<bool> {
  let ok = ((bitcast<vec4u>(source) & EXPONENT) != EXPONENT) & ((bitcast<vec4u>(updated) & EXPONENT) != EXPONENT);
  if (!all(ok)) {
    let first = select(select(select(3u, 2u, !ok.z), 1u, !ok.y), 0u, !ok.x);
    atomicMin(&refused[0], 4u * index + first);
  }
  return ok;
}
