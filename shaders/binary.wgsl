// y = f(a, b) element by element with numpy broadcasting: stride 0 repeats an axis.
// FIRST returns a (a broadcast); the derivative code computes a * f'(b) for the activation DERIVATIVE.

//#include "lib/activation.wgsl"
//#include "lib/elements.wgsl"

struct Parameters {
  count: u32,
  // sizes of the output's last three axes (the first is implied)
  size1: u32,
  size2: u32,
  size3: u32,
  a_strides: vec4u,
  b_strides: vec4u,
}

const ADD: u32 = 0u;
const SUBTRACT: u32 = 1u;
const MULTIPLY: u32 = 2u;
const DIVIDE: u32 = 3u;
const MAXIMUM: u32 = 4u;
const MINIMUM: u32 = 5u;
const FIRST: u32 = 6u;
override FUNCTION: u32 = 0u;
override DERIVATIVE: u32 = 0u;
// both operands have the output's shape
override ALIGNED: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn evaluate(p: f32, q: f32) -> f32 {
  switch FUNCTION {
    case ADD: { return p + q; }
    case SUBTRACT: { return p - q; }
    case MULTIPLY: { return p * q; }
    case DIVIDE: { return p / q; }
    case MAXIMUM: { return max(p, q); }
    case MINIMUM: { return min(p, q); }
    case FIRST: { return p; }
    default: { return p * activation_derivative(DERIVATIVE, q); }
  }
}

fn offset(index: u32, strides: vec4u) -> u32 {
  let i3 = index % parameters.size3;
  let rest2 = index / parameters.size3;
  let i2 = rest2 % parameters.size2;
  let rest1 = rest2 / parameters.size2;
  let i1 = rest1 % parameters.size1;
  let i0 = rest1 / parameters.size1;
  return i0 * strides.x + i1 * strides.y + i2 * strides.z + i3 * strides.w;
}

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = element_of(group, groups, lane);
  if (i >= parameters.count) { return; }
  if (ALIGNED) {
    y[i] = evaluate(a[i], b[i]);
  } else {
    y[i] = evaluate(a[offset(i, parameters.a_strides)], b[offset(i, parameters.b_strides)]);
  }
}
