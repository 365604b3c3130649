// The workgroup-memory product for GPUs: a workgroup of X by Y invocations fills a tile of op(a) and one of op(b)
// from 4x4 blocks, then every invocation multiplies QUADS by QUADS tiles of 4x4 out of them.
// TILE_INNER / 4 tiles of 4x4 along the inner axis must not be more than there are invocations to fill them.

//#include "epilogue.wgsl"
//#include "product_tile.wgsl"

override QUADS: u32 = 2u;
override TILE_INNER: u32 = 16u;
override COLUMN_SUM: bool = false;
override WORKGROUP_X: u32 = 8u;
override WORKGROUP_Y: u32 = 8u;

// Element [k][q] holds four rows of op(a) (four columns of op(b)) at inner index k of the tile.
var<workgroup> a_tile: array<vec4f, WORKGROUP_Y * QUADS * TILE_INNER>;
var<workgroup> b_tile: array<vec4f, WORKGROUP_X * QUADS * TILE_INNER>;

fn fill_a(cell: u32, rows: Rows, inner: Inner) {
  let quads = WORKGROUP_Y * QUADS;
  let at = (cell / quads) * 4u * quads + cell % quads;
  let values = transpose(load_a(rows, inner));
  a_tile[at] = values[0];
  a_tile[at + quads] = values[1];
  a_tile[at + 2u * quads] = values[2];
  a_tile[at + 3u * quads] = values[3];
}

fn fill_b(cell: u32, inner: Inner, columns: Columns) {
  let quads = WORKGROUP_X * QUADS;
  let at = (cell / quads) * 4u * quads + cell % quads;
  let values = load_b(inner, columns);
  b_tile[at] = values[0];
  b_tile[at + quads] = values[1];
  b_tile[at + 2u * quads] = values[2];
  b_tile[at + 3u * quads] = values[3];
}

fn outer(b: vec4f, a: vec4f) -> mat4x4f {
  return mat4x4f(b * a.x, b * a.y, b * a.z, b * a.w);
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let a_quads = WORKGROUP_Y * QUADS;
  let b_quads = WORKGROUP_X * QUADS;
  let tile = tile_of(group, groups, b_quads * 4u);
  let group_row = tile.y * a_quads * 4u;
  let group_column = tile.x * b_quads * 4u;
  let row = group_row + local.y * 4u;
  let column = group_column + local.x * 4u;
  let lane = local.y * WORKGROUP_X + local.x;
  var t00 = mat4x4f(); var t01 = mat4x4f();
  var t10 = mat4x4f(); var t11 = mat4x4f();
  var sum0 = vec4f();
  var sum1 = vec4f();
  // An invocation fills the same 4x4 cell of either tile every time, so it keeps its place in the operands.
  let fills_a = lane < a_quads * TILE_INNER / 4u;
  let fills_b = lane < b_quads * TILE_INNER / 4u;
  let a_rows = rows_at(group_row + (lane % a_quads) * 4u, group.z);
  let b_columns = columns_at(group_column + (lane % b_quads) * 4u);
  let range = inner_range(group.z);
  var a_inner = inner_at(range.x + (lane / a_quads) * 4u, group.z);
  var b_inner = inner_at(range.x + (lane / b_quads) * 4u, group.z);
  for (var k = range.x; k < range.y; k += TILE_INNER) {
    if (fills_a) { fill_a(lane, a_rows, a_inner); }
    if (fills_b) { fill_b(lane, b_inner, b_columns); }
    a_inner = advance(a_inner, TILE_INNER);
    b_inner = advance(b_inner, TILE_INNER);
    workgroupBarrier();
    for (var i = 0u; i < min(TILE_INNER, range.y - k); i++) {
      let a0 = a_tile[i * a_quads + local.y];
      let b0 = b_tile[i * b_quads + local.x];
      t00 += outer(b0, a0);
      if (COLUMN_SUM && row == 0u) { sum0 += b0; }
      if (QUADS > 1u) {
        let a1 = a_tile[i * a_quads + WORKGROUP_Y + local.y];
        let b1 = b_tile[i * b_quads + WORKGROUP_X + local.x];
        t01 += outer(b1, a0);
        t10 += outer(b0, a1);
        t11 += outer(b1, a1);
        if (COLUMN_SUM && row == 0u) { sum1 += b1; }
      }
    }
    workgroupBarrier();
  }
  if (COLUMN_SUM && row == 0u) {
    store_column_sum(column, group.z, sum0);
    if (QUADS > 1u) { store_column_sum(column + 4u * WORKGROUP_X, group.z, sum1); }
  }
  var tiles = array<mat4x4f, 4>(t00, t01, t10, t11);
  for (var i = 0u; i < QUADS; i++) {
    let places = row_places(row + 4u * WORKGROUP_Y * i, group.z);
    for (var j = 0u; j < QUADS; j++) { finish(places, column + 4u * WORKGROUP_X * j, tiles[2u * i + j]); }
  }
}
