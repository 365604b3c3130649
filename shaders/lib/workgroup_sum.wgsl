// Sum over a workgroup in a fixed order: a binary tree in workgroup memory.
override WORKGROUP: u32 = 64u;
var<workgroup> lanes: array<f32, WORKGROUP>;

// All invocations call this; all receive the sum. WORKGROUP is a power of two.
fn workgroup_sum(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half = half / 2u) {
    if (lane < half) {
      lanes[lane] = lanes[lane] + lanes[lane + half];
    }
    workgroupBarrier();
  }
  let total = lanes[0];
  workgroupBarrier();
  return total;
}
