// The workgroup-memory matmul for GPUs: a workgroup of X by Y invocations fills a tile of op(a) and one of op(b)
// from 4x4 blocks, then every invocation multiplies QUADS by QUADS tiles of 4x4 out of them.
// The including file declares the buffers and provides load_a, load_b, read_bias, read_saved, store.

//#include "epilogue.wgsl"

override QUADS: u32 = 2u;
override TILE_INNER: u32 = 16u;
override COLUMN_SUM: bool = false;
override WORKGROUP_X: u32 = 8u;
override WORKGROUP_Y: u32 = 8u;

// Element [k][q] holds four rows of op(a) (four columns of op(b)) at inner index k of the tile.
var<workgroup> a_tile: array<vec4f, WORKGROUP_Y * QUADS * TILE_INNER>;
var<workgroup> b_tile: array<vec4f, WORKGROUP_X * QUADS * TILE_INNER>;

fn fill_a(row: u32, k: u32, cell: u32) {
  let quads = WORKGROUP_Y * QUADS;
  let inner = (cell / quads) * 4u;
  let quad = cell % quads;
  let rows = transpose(load_a(row + quad * 4u, k + inner));
  a_tile[inner * quads + quad] = rows[0];
  a_tile[(inner + 1u) * quads + quad] = rows[1];
  a_tile[(inner + 2u) * quads + quad] = rows[2];
  a_tile[(inner + 3u) * quads + quad] = rows[3];
}

fn fill_b(k: u32, column: u32, cell: u32) {
  let quads = WORKGROUP_X * QUADS;
  let inner = (cell / quads) * 4u;
  let quad = cell % quads;
  let columns = load_b(k + inner, column + quad * 4u);
  b_tile[inner * quads + quad] = columns[0];
  b_tile[(inner + 1u) * quads + quad] = columns[1];
  b_tile[(inner + 2u) * quads + quad] = columns[2];
  b_tile[(inner + 3u) * quads + quad] = columns[3];
}

fn outer(b: vec4f, a: vec4f) -> mat4x4f {
  return mat4x4f(b * a.x, b * a.y, b * a.z, b * a.w);
}

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y, 1)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let a_quads = WORKGROUP_Y * QUADS;
  let b_quads = WORKGROUP_X * QUADS;
  let group_row = group.y * a_quads * 4u;
  let group_column = group.x * b_quads * 4u;
  let row = group_row + local.y * 4u;
  let column = group_column + local.x * 4u;
  let lane = local.y * WORKGROUP_X + local.x;
  let invocations = WORKGROUP_X * WORKGROUP_Y;
  var t00 = mat4x4f(); var t01 = mat4x4f();
  var t10 = mat4x4f(); var t11 = mat4x4f();
  var sum0 = vec4f();
  var sum1 = vec4f();
  let first = group.z * parameters.split_length;
  let last = min(first + parameters.split_length, parameters.inner);
  for (var k = first; k < last; k += TILE_INNER) {
    for (var cell = lane; cell < a_quads * TILE_INNER / 4u; cell += invocations) { fill_a(group_row, k, cell); }
    for (var cell = lane; cell < b_quads * TILE_INNER / 4u; cell += invocations) { fill_b(k, group_column, cell); }
    workgroupBarrier();
    for (var i = 0u; i < min(TILE_INNER, last - k); i++) {
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
    for (var j = 0u; j < QUADS; j++) {
      finish(row + 4u * WORKGROUP_Y * i, column + 4u * WORKGROUP_X * j, group.z, tiles[2u * i + j]);
    }
  }
}
