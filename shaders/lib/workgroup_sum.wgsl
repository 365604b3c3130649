// Sums over a workgroup in a fixed order: a binary tree in workgroup memory. With COLUMNS > 1 there are as
// many sums side by side: lane l takes part in sum l mod COLUMNS.
override WORKGROUP: u32 = 64u;
override COLUMNS: u32 = 1u;
var<workgroup> lanes: array<f32, WORKGROUP>;

// All invocations call this; all receive the sum of their column. WORKGROUP and COLUMNS are powers of two.
fn workgroup_sum(value: f32, lane: u32) -> f32 {
  if (COLUMNS == WORKGROUP) { return value; }
  lanes[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half >= COLUMNS; half = half / 2u) {
    if (lane < half) {
      lanes[lane] = lanes[lane] + lanes[lane + half];
    }
    workgroupBarrier();
  }
  let total = lanes[lane % COLUMNS];
  workgroupBarrier();
  return total;
}
