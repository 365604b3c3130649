// One workgroup per row, its lanes striding along the row. Grids are two-dimensional so that more than
// 65,535 rows fit a dispatch.
fn row_of(group: vec3u, groups: vec3u) -> u32 {
  return group.y * groups.x + group.x;
}
