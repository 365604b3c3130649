// Elementary functions with bounded error where the WGSL built-ins promise little: tanh is NaN above 88,
// cos is off by 2e-4, log and (1 + x) - 1 lose all relative accuracy near 1 and 0. Errors measured against
// float64 on SwiftShader; the unit of each is stated (tests hold them).

const PI: f32 = 3.14159265358979;
const LOG_2PI: f32 = 1.83787706640935;
const LOG_2: f32 = 0.693147180559945;
const INVERSE_SQRT_2PI: f32 = 0.398942280401433;
const SQRT_HALF: f32 = 0.707106781186548;

// log(1 + x) for x in [-0.5, 1], relative error 3e-7: 2 atanh(s) with s = x / (2 + x), |s| <= 1/3.
fn log1p_small(x: f32) -> f32 {
  let s = x / (2.0 + x);
  let q = s * s;
  let series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q * (1.0 / 13.0))))));
  return 2.0 * s * series;
}

fn log1p_accurate(x: f32) -> f32 {
  return select(log(1.0 + x), log1p_small(x), x >= -0.5 && x <= 1.0);
}

// log(x) for x > 0 with relative accuracy near 1, where the built-in is only absolute.
fn log_accurate(x: f32) -> f32 {
  return select(log(x), log1p_small(x - 1.0), x > 0.5 && x < 2.0);
}

// exp(x) - 1, relative error 4e-7: a degree-7 series near 0, the built-in elsewhere.
fn expm1_accurate(x: f32) -> f32 {
  let series = x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0 + x * (1.0 / 5040.0)))))));
  return select(exp(clamp(x, -87.0, 88.0)) - 1.0, series, abs(x) < 0.5);
}

// exp without overflow: WGSL lets an implementation assume that infinities do not occur.
fn exp_clamped(x: f32) -> f32 {
  return exp(clamp(x, -87.0, 88.0));
}

fn sigmoid(x: f32) -> f32 {
  let e = exp_clamped(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

// log(1 + exp(x)), absolute error 3e-7 plus that of exp.
fn softplus(x: f32) -> f32 {
  return max(x, 0.0) + log1p_small(exp_clamped(-abs(x)));
}

// tanh from expm1: relative error 4e-7 everywhere, no NaN.
fn tanh_accurate(x: f32) -> f32 {
  let e = expm1_accurate(-2.0 * min(abs(x), 20.0));
  return select(1.0, -1.0, x < 0.0) * (-e / (2.0 + e));
}

// Abramowitz and Stegun 7.1.26: absolute error 6e-7 (1.5e-7 of the formula, the rest by 1 - poly * exp near 0).
fn erf(x: f32) -> f32 {
  let magnitude = min(abs(x), 9.0);
  let t = 1.0 / (1.0 + 0.3275911 * magnitude);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return select(1.0, -1.0, x < 0.0) * (1.0 - poly * exp(-magnitude * magnitude));
}

// The natural logarithm of u in (0, 1], relative error 3e-7 (the built-in is only absolute near 1).
fn log_unit(u: f32) -> f32 {
  return select(log(u), log1p_small(u - 1.0), u > 0.5);
}

// cos(2 pi t) and sin(2 pi t) for t in [0, 1), absolute error 3e-7: reduced to an eighth of a turn.
fn cos_sin_turn(t: f32) -> vec2f {
  let octant = floor(t * 4.0 + 0.5);
  let r = (t - octant * 0.25) * (2.0 * PI);
  let q = r * r;
  let s = r * (1.0 + q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q * (1.0 / 362880.0)))));
  let c = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0))));
  let quarter = u32(octant) & 3u;
  let swapped = (quarter & 1u) == 1u;
  let first = select(c, s, swapped);
  let second = select(s, c, swapped);
  return vec2f(select(first, -first, quarter == 1u || quarter == 2u), select(second, -second, quarter >= 2u));
}
