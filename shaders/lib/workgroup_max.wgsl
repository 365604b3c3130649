// Largest value of a workgroup, by the tree of workgroup_sum.
//#include "workgroup_sum.wgsl"

// All invocations call this; all receive the maximum. WORKGROUP is a power of two.
fn workgroup_max(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half = half / 2u) {
    if (lane < half) {
      lanes[lane] = max(lanes[lane], lanes[lane + half]);
    }
    workgroupBarrier();
  }
  let largest = lanes[0];
  workgroupBarrier();
  return largest;
}
