// The register-blocked product: an invocation keeps up to 16 rows by 16 columns of the product in registers as
// 4x4 matrices and needs no workgroup memory, so software adapters (where barriers are slow) like it best.
// With b's rows as matrix columns and a's rows as matrix columns, `b * a` is a 4x4 tile of the product.
// Four neighbouring invocations work on the same rows. The including file says what is multiplied (its loader:
// inner_range, inner_at, advance, columns_at, load_b, row_places) and how the four get their rows (rows_*.wgsl).

//#include "epilogue.wgsl"
//#include "product_tile.wgsl"

override ROW_QUADS: u32 = 4u;
override COLUMN_QUADS: u32 = 4u;
override COLUMN_SUM: bool = false;
override WORKGROUP_X: u32 = 4u;
override WORKGROUP_Y: u32 = 2u;

fn row_sum(tile: mat4x4f) -> vec4f {
  return tile[0] + tile[1] + tile[2] + tile[3];
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let tile = tile_of(group, groups, 4u * COLUMN_QUADS * WORKGROUP_X);
  let row = (tile.y * WORKGROUP_Y + local.y) * 4u * ROW_QUADS;
  let column = (tile.x * WORKGROUP_X + local.x) * 4u * COLUMN_QUADS;
  let lane = local.x % 4u;
  var t00 = mat4x4f(); var t01 = mat4x4f(); var t02 = mat4x4f(); var t03 = mat4x4f();
  var t10 = mat4x4f(); var t11 = mat4x4f(); var t12 = mat4x4f(); var t13 = mat4x4f();
  var t20 = mat4x4f(); var t21 = mat4x4f(); var t22 = mat4x4f(); var t23 = mat4x4f();
  var t30 = mat4x4f(); var t31 = mat4x4f(); var t32 = mat4x4f(); var t33 = mat4x4f();
  var sums = array<vec4f, 4>();
  let rows = own_rows_at(row, lane, group.z);
  let columns0 = columns_at(column);
  let columns1 = columns_at(column + 4u);
  let columns2 = columns_at(column + 8u);
  let columns3 = columns_at(column + 12u);
  let range = inner_range(group.z);
  var inner = inner_at(range.x, group.z);
  for (var k = range.x; k < range.y; k += 4u) {
    let own = load_own(rows, inner);
    var b1 = mat4x4f();
    var b2 = mat4x4f();
    var b3 = mat4x4f();
    let b0 = load_b(inner, columns0);
    if (COLUMN_QUADS > 1u) { b1 = load_b(inner, columns1); }
    if (COLUMN_QUADS > 2u) { b2 = load_b(inner, columns2); b3 = load_b(inner, columns3); }
    if (COLUMN_SUM && row == 0u) {
      sums[0] += row_sum(b0); sums[1] += row_sum(b1); sums[2] += row_sum(b2); sums[3] += row_sum(b3);
    }
    let a0 = rows_0(own, rows, inner);
    t00 += b0 * a0;
    if (COLUMN_QUADS > 1u) { t01 += b1 * a0; }
    if (COLUMN_QUADS > 2u) { t02 += b2 * a0; t03 += b3 * a0; }
    if (ROW_QUADS > 1u) {
      let a1 = rows_1(own, rows, inner);
      t10 += b0 * a1;
      if (COLUMN_QUADS > 1u) { t11 += b1 * a1; }
      if (COLUMN_QUADS > 2u) { t12 += b2 * a1; t13 += b3 * a1; }
    }
    if (ROW_QUADS > 2u) {
      let a2 = rows_2(own, rows, inner);
      t20 += b0 * a2;
      if (COLUMN_QUADS > 1u) { t21 += b1 * a2; }
      if (COLUMN_QUADS > 2u) { t22 += b2 * a2; t23 += b3 * a2; }
      let a3 = rows_3(own, rows, inner);
      t30 += b0 * a3;
      if (COLUMN_QUADS > 1u) { t31 += b1 * a3; }
      if (COLUMN_QUADS > 2u) { t32 += b2 * a3; t33 += b3 * a3; }
    }
    inner = advance(inner, 4u);
  }
  if (COLUMN_SUM && row == 0u) {
    for (var j = 0u; j < COLUMN_QUADS; j++) { store_column_sum(column + 4u * j, group.z, sums[j]); }
  }
  // A loop, not sixteen calls: a call is inlined, and the epilogue would be compiled sixteen times.
  var tiles = array<mat4x4f, 16>(t00, t01, t02, t03, t10, t11, t12, t13, t20, t21, t22, t23, t30, t31, t32, t33);
  for (var i = 0u; i < ROW_QUADS; i++) {
    let places = row_places(row + 4u * i, group.z);
    for (var j = 0u; j < COLUMN_QUADS; j++) { finish(places, column + 4u * j, tiles[4u * i + j]); }
  }
}
