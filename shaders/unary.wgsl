// y = f(x) element by element. Codes 0 to 7 are the activations; the rest match `unaryCodes` in
// src/gpu/ops/unary.ts.

//#include "lib/activation.wgsl"
//#include "lib/gamma.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  // scale and shift of AFFINE, low and high of CLAMP and INSIDE
  first: f32,
  second: f32,
}

const NEGATE: u32 = 16u;
const EXP: u32 = 17u;
const LOG: u32 = 18u;
const SQUARE: u32 = 19u;
const SQRT: u32 = 20u;
const RECIPROCAL: u32 = 21u;
const ABS: u32 = 22u;
const SIGN: u32 = 23u;
const POSITIVE: u32 = 24u;
const ERF: u32 = 25u;
const LOG1P: u32 = 26u;
const EXPM1: u32 = 27u;
const AFFINE: u32 = 28u;
const CLAMP: u32 = 29u;
const INSIDE: u32 = 30u;
const ROUND: u32 = 31u;
const LOG_GAMMA: u32 = 32u;
const DIGAMMA: u32 = 33u;
const TRIGAMMA: u32 = 34u;
override FUNCTION: u32 = 0u;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn evaluate(v: f32) -> f32 {
  switch FUNCTION {
    case NEGATE: { return -v; }
    case EXP: { return exp_clamped(v); }
    case LOG: { return log_accurate(v); }
    case SQUARE: { return v * v; }
    case SQRT: { return sqrt(v); }
    case RECIPROCAL: { return 1.0 / v; }
    case ABS: { return abs(v); }
    case SIGN: { return sign(v); }
    case POSITIVE: { return select(0.0, 1.0, v > 0.0); }
    case ERF: { return erf(v); }
    case LOG1P: { return log1p_accurate(v); }
    case EXPM1: { return expm1_accurate(v); }
    case AFFINE: { return v * parameters.first + parameters.second; }
    case CLAMP: { return clamp(v, parameters.first, parameters.second); }
    case INSIDE: { return select(0.0, 1.0, v >= parameters.first && v <= parameters.second); }
    case ROUND: { return round(v); }
    case LOG_GAMMA: { return log_gamma(v); }
    case DIGAMMA: { return digamma(v); }
    case TRIGAMMA: { return trigamma(v); }
    default: { return activate(FUNCTION, v); }
  }
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i < parameters.count) { y[i] = evaluate(x[i]); }
}
