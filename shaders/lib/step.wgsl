// The step block: everything that changes from one step to the next, written once a step.
struct Step {
  seed: vec2u,
  // Counter of the noise streams; a training step is one, an evaluation batch is one.
  stream: u32,
  // Valid rows of this batch; the rest are padding and weigh nothing.
  row_count: u32,
  epoch: u32,
  // Position of the batch's first row in the epoch.
  first_row: u32,
  beta: f32,
  // Adam's bias corrections are folded into these two in float64 on the CPU (pow is off by 6e-5 in WGSL).
  learning_rate: f32,
  epsilon: f32,
  // AdamW: learning rate times weight decay; Adagrad: weight decay
  decay: f32,
  // the round keys of the epoch's shuffle (six words)
  shuffle_keys: array<vec4u, 2>,
}
