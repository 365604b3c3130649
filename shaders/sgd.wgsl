// Stochastic gradient descent with momentum beta1 (PyTorch's form: the buffer sums gradients undampened).

//#include "lib/update.wgsl"

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let element = element_of(group, groups, lane);
  if (element >= parameters.count) { return; }
  let i = parameters.first + element;
  let raw = gradients[i];
  let old = weights[i];
  let old1 = moment1[i];
  let m = old1 * parameters.beta1 + raw * clip_scale();
  let w = old - step.learning_rate * m;
  let ok = accepted(raw, w, i);
  moment1[i] = select(old1, m, ok);
  weights[i] = select(old, w, ok);
}
