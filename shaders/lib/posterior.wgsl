// What reparameterize and its gradient share: reading the moments and making (or reading) the noise.

//#include "threefry.wgsl"
//#include "step.wgsl"

struct Parameters {
  // rows of z: samples * batch, sample-major
  rows: u32,
  batch: u32,
  latent: u32,
  samples: u32,
  // mixed into the seed so that two noise tensors of one step differ
  noise_tag: u32,
}
override SUPPLIED_NOISE: bool = false;
override ISOTROPIC: bool = false;
// false: the analytic KL (estimator B); true: log q(z|x) - log p(z) of the sample (estimator A)
override SAMPLED_KL: bool = false;

// The log-variance is clamped where it is exponentiated; outside, its gradient is zero.
const LOG_VARIANCE_LOW: f32 = -30.0;
const LOG_VARIANCE_HIGH: f32 = 20.0;

fn moments_width() -> u32 {
  return select(2u * parameters.latent, parameters.latent + 1u, ISOTROPIC);
}

fn mean_of(row: u32, j: u32) -> f32 {
  return moments[row * moments_width() + j];
}

fn raw_log_variance(row: u32, j: u32) -> f32 {
  return moments[row * moments_width() + parameters.latent + select(j, 0u, ISOTROPIC)];
}

fn noise_of(row: u32, j: u32) -> f32 {
  let element = row * parameters.latent + j;
  if (SUPPLIED_NOISE) { return noise[element]; }
  return normal(vec2u(step.seed.x, step.seed.y ^ parameters.noise_tag), element, step.stream);
}
