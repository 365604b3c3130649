// Writes the words of Threefry for a list of keys and counters, so that a test can compare them bit by bit: the
// kernels of the library only show what they make of them.

//#include "../../shaders/lib/threefry.wgsl"

// key in xy, counter in zw
@group(0) @binding(0) var<storage, read> questions: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> words: array<vec2u>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&words)) { return; }
  let question = questions[id.x];
  words[id.x] = threefry(question.xy, question.zw);
}
