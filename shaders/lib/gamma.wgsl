// The logarithm of the gamma function and its first two derivatives for x > 0 (Abramowitz and Stegun 6.1, 6.3, 6.4).
// Errors measured against float64 on SwiftShader over 1e-3 to 1e6 (tests hold them): relative to max(1, |y|)
// log_gamma 4e-7, digamma 7e-7, trigamma 7e-7. log_gamma keeps relative accuracy at its zeros, 1 and 2.
//#include "math.wgsl"

// Arguments below this are shifted up by the recurrence; from here on the asymptotic series end below 3e-8.
const ASYMPTOTIC: f32 = 8.0;

// log Gamma(2 + t) for |t| <= 1/2: 6.1.33 less log(1 + t); its coefficients are (-1)^k (zeta(k) - 1) / k.
fn log_gamma_near_2(t: f32) -> f32 {
  let tail = 5.0966952e-4 + t * (-2.2315476e-4 + t * (9.9457513e-5 + t * (-4.4926237e-5 + t * 2.0507213e-5)));
  let middle = -7.3855510e-3 + t * (2.8905103e-3 + t * (-1.1927539e-3 + t * tail));
  return t * (0.42278434 + t * (0.32246703 + t * (-0.067352301 + t * (0.020580808 + t * middle))));
}

fn log_gamma(x: f32) -> f32 {
  if (x < 0.5) { return log_gamma_near_2(x) - log1p_small(x) - log(x); }
  if (x < 1.5) { return log_gamma_near_2(x - 1.0) - log1p_small(x - 1.0); }
  if (x >= ASYMPTOTIC) {
    let r = 1.0 / x;
    let q = r * r;
    let series = r * (1.0 / 12.0 - q * (1.0 / 360.0));
    return (x - 0.5) * log(x) - x + 0.5 * LOG_2PI + series;
  }
  var at = x;
  var product = 1.0;
  for (var k = 0; k < 6; k++) {
    if (at > 2.5) {
      at -= 1.0;
      product *= at;
    }
  }
  return log_gamma_near_2(at - 2.0) + log_accurate(product);
}

// psi(x) = psi(x + n) - sum 1 / (x + k)
fn digamma(x: f32) -> f32 {
  var at = x;
  var shift = 0.0;
  for (var k = 0; k < 8; k++) {
    if (at < ASYMPTOTIC) {
      shift += 1.0 / at;
      at += 1.0;
    }
  }
  let q = 1.0 / (at * at);
  return log(at) - 0.5 / at - q * (1.0 / 12.0 - q * (1.0 / 120.0)) - shift;
}

// psi'(x) = psi'(x + n) + sum 1 / (x + k)^2
fn trigamma(x: f32) -> f32 {
  var at = x;
  var shift = 0.0;
  for (var k = 0; k < 8; k++) {
    if (at < ASYMPTOTIC) {
      shift += 1.0 / (at * at);
      at += 1.0;
    }
  }
  let r = 1.0 / at;
  let q = r * r;
  return shift + r * (1.0 + r * 0.5 + q * (1.0 / 6.0 - q * (1.0 / 30.0 - q * (1.0 / 42.0))));
}
