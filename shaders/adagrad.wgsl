// Adagrad (Duchi et al. 2011), the optimizer of Kingma and Welling 2013: squared gradients add up.
// step.decay * w joins the gradient: the paper's prior N(0, I) on the weights (PyTorch's weight_decay).

//#include "lib/update.wgsl"

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let element = element_of(group, groups, lane);
  if (element >= parameters.count) { return; }
  let i = parameters.first + element;
  let old = weights[i];
  let g = gradients[i] * clip_scale() + old * step.decay;
  let old2 = moment2[i];
  let v = old2 + g * g;
  let w = old - step.learning_rate * g / (sqrt(v) + step.epsilon);
  // v is not finite if the gradient is not, nor if its square overflows
  let ok = accepted(v, w, i);
  moment2[i] = select(old2, v, ok);
  weights[i] = select(old, w, ok);
}
