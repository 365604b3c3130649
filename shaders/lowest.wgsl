// The column of the smallest value of every row, as a number; of equal values the first.

//#include "lib/rows.wgsl"

struct Parameters {
  rows: u32,
  width: u32,
}

override WORKGROUP: u32 = 64u;
var<workgroup> lanes: array<f32, WORKGROUP>;
var<workgroup> columns: array<u32, WORKGROUP>;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group, groups);
  if (row >= parameters.rows) { return; }
  let first = row * parameters.width;
  // a lane without a column of its own repeats the first
  var column = select(0u, lane, lane < parameters.width);
  var value = x[first + column];
  for (var i = lane + WORKGROUP; i < parameters.width; i += WORKGROUP) {
    if (x[first + i] < value) {
      value = x[first + i];
      column = i;
    }
  }
  lanes[lane] = value;
  columns[lane] = column;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half = half / 2u) {
    if (lane < half) {
      let other = lanes[lane + half];
      let other_column = columns[lane + half];
      let is_better = other < value || (other == value && other_column < column);
      value = select(value, other, is_better);
      column = select(column, other_column, is_better);
      lanes[lane] = value;
      columns[lane] = column;
    }
    workgroupBarrier();
  }
  if (lane == 0u) { y[row] = f32(columns[0]); }
}
