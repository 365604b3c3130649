// The adapter's memory bandwidth: a copy of vec4, every one read once and written once.
// Invocations stride over the buffer together, so that neighbours touch neighbouring memory.

@group(0) @binding(0) var<storage, read> original: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> copy: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < arrayLength(&copy); i += 64u * groups.x) {
    copy[i] = original[i];
  }
}
