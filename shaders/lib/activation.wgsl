// The activations and their derivatives. Codes match `activationCodes` in src/gpu/ops/activation.ts.
// A derivative is taken from the activation's output y where y determines it (no second tensor is kept);
// for SiLU and GELU it is taken from the input x.

//#include "math.wgsl"

const IDENTITY: u32 = 0u;
const RELU: u32 = 1u;
const LEAKY_RELU: u32 = 2u;
const SIGMOID: u32 = 3u;
const TANH: u32 = 4u;
const SOFTPLUS: u32 = 5u;
const SILU: u32 = 6u;
const GELU: u32 = 7u;
const LEAKY_SLOPE: f32 = 0.01;

fn activate(code: u32, x: f32) -> f32 {
  switch code {
    case RELU: { return max(x, 0.0); }
    case LEAKY_RELU: { return select(LEAKY_SLOPE * x, x, x > 0.0); }
    case SIGMOID: { return sigmoid(x); }
    case TANH: { return tanh_accurate(x); }
    case SOFTPLUS: { return softplus(x); }
    case SILU: { return x * sigmoid(x); }
    case GELU: { return 0.5 * x * (1.0 + erf(x * SQRT_HALF)); }
    default: { return x; }
  }
}

// f'(x), from saved = y for the first six and saved = x for SiLU and GELU.
fn activation_derivative(code: u32, saved: f32) -> f32 {
  switch code {
    case RELU: { return select(0.0, 1.0, saved > 0.0); }
    case LEAKY_RELU: { return select(LEAKY_SLOPE, 1.0, saved > 0.0); }
    case SIGMOID: { return saved * (1.0 - saved); }
    case TANH: { return 1.0 - saved * saved; }
    case SOFTPLUS: { return -expm1_accurate(-saved); }
    case SILU: {
      let s = sigmoid(saved);
      return s * (1.0 + saved * (1.0 - s));
    }
    case GELU: {
      let density = INVERSE_SQRT_2PI * exp_clamped(-0.5 * saved * saved);
      return 0.5 * (1.0 + erf(saved * SQRT_HALF)) + saved * density;
    }
    default: { return 1.0; }
  }
}
