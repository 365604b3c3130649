// COLUMNS groups a workgroup. Lane l works for group l mod COLUMNS, on its numbers (p, w) with
// p = first_position, + POSITION_LANES, ... and w = first_column, + WIDTH_LANES, ...

//#include "normalize.wgsl"
//#include "rows.wgsl"
//#include "step.wgsl"
//#include "workgroup_sum.wgsl"

struct Parameters {
  // outer * groups
  count: u32,
  positions: u32,
  groups: u32,
  width: u32,
  // of a batch, and of one of its rows; rows behind the step's row_count are padding where MASKED
  batch_positions: u32,
  row_positions: u32,
  epsilon: f32,
  momentum: f32,
}

// WORKGROUP = COLUMNS * POSITION_LANES * WIDTH_LANES
override POSITION_LANES: u32 = 64u;
override WIDTH_LANES: u32 = 1u;
// padding rows, which lie behind position_limit(), must not count
override MASKED: bool = false;
// x holds several samples of a batch, each with padding of its own
override REPEATED: bool = false;

fn position_limit() -> u32 {
  return select(parameters.positions, step.row_count * parameters.row_positions, MASKED);
}

// numbers in a group
fn group_size() -> f32 {
  var positions = position_limit();
  if (REPEATED) { positions *= parameters.positions / parameters.batch_positions; }
  return f32(positions * parameters.width);
}
