// Adam (Kingma and Ba 2014) and, with decay, AdamW (Loshchilov and Hutter 2017) over all weights at once.
// The bias corrections are in step.learning_rate and step.epsilon.

//#include "lib/update.wgsl"

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let element = element_of(group, groups, lane);
  if (element >= parameters.count) { return; }
  let i = parameters.first + element;
  let g = gradients[i] * clip_scale();
  let old1 = moment1[i];
  let old2 = moment2[i];
  let old = weights[i];
  let m = old1 + (g - old1) * parameters.complement1;
  let v = old2 + (g * g - old2) * parameters.complement2;
  let w = old - old * step.decay - step.learning_rate * m / (sqrt(v) + step.epsilon);
  // v is not finite if the gradient is not, nor if its square overflows
  let ok = accepted(v, w, i);
  moment1[i] = select(old1, m, ok);
  moment2[i] = select(old2, v, ok);
  weights[i] = select(old, w, ok);
}
