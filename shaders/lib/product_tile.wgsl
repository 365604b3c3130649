// The tile (column, row) of a workgroup: column tiles lie along x, row tiles along y. Where there are more row tiles
// than an axis holds, they go on in further blocks of column tiles along x.
fn tile_of(group: vec3u, groups: vec3u, columns_per_tile: u32) -> vec2u {
  let column_tiles = (parameters.columns + columns_per_tile - 1u) / columns_per_tile;
  let chunk = group.x / column_tiles;
  return vec2u(group.x - chunk * column_tiles, chunk * groups.y + group.y);
}
