// The register-blocked matmul: an invocation keeps up to 16 rows by 8 columns of the product in registers as
// 4x4 matrices and needs no workgroup memory, so software adapters (where barriers are slow) like it best.
// With b's rows as matrix columns and a's rows as matrix columns, `b * a` is a 4x4 tile of the product.
// The including file declares the buffers and provides load_a, load_b, read_bias, read_saved, store.

//#include "epilogue.wgsl"

override ROW_QUADS: u32 = 4u;
override COLUMN_QUADS: u32 = 2u;
override COLUMN_SUM: bool = false;
override WORKGROUP_X: u32 = 8u;
override WORKGROUP_Y: u32 = 8u;

@compute @workgroup_size(WORKGROUP_X, WORKGROUP_Y, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * 4u * ROW_QUADS;
  let column = id.x * 4u * COLUMN_QUADS;
  if (row >= parameters.rows || column >= parameters.columns) { return; }
  var t00 = mat4x4f(); var t01 = mat4x4f();
  var t10 = mat4x4f(); var t11 = mat4x4f();
  var t20 = mat4x4f(); var t21 = mat4x4f();
  var t30 = mat4x4f(); var t31 = mat4x4f();
  var sum0 = vec4f();
  var sum1 = vec4f();
  let first = id.z * parameters.split_length;
  let last = min(first + parameters.split_length, parameters.inner);
  for (var k = first; k < last; k += 4u) {
    let b0 = load_b(k, column);
    var b1 = mat4x4f();
    if (COLUMN_QUADS > 1u) { b1 = load_b(k, column + 4u); }
    if (COLUMN_SUM) {
      sum0 += b0[0] + b0[1] + b0[2] + b0[3];
      sum1 += b1[0] + b1[1] + b1[2] + b1[3];
    }
    let a0 = load_a(row, k);
    t00 += b0 * a0;
    if (COLUMN_QUADS > 1u) { t01 += b1 * a0; }
    if (ROW_QUADS > 1u) {
      let a1 = load_a(row + 4u, k);
      t10 += b0 * a1;
      if (COLUMN_QUADS > 1u) { t11 += b1 * a1; }
    }
    if (ROW_QUADS > 2u) {
      let a2 = load_a(row + 8u, k);
      t20 += b0 * a2;
      if (COLUMN_QUADS > 1u) { t21 += b1 * a2; }
      let a3 = load_a(row + 12u, k);
      t30 += b0 * a3;
      if (COLUMN_QUADS > 1u) { t31 += b1 * a3; }
    }
  }
  if (COLUMN_SUM && row == 0u) {
    store_column_sum(column, id.z, sum0);
    if (COLUMN_QUADS > 1u) { store_column_sum(column + 4u, id.z, sum1); }
  }
  finish(row, column, id.z, t00);
  if (ROW_QUADS > 1u) { finish(row + 4u, column, id.z, t10); }
  if (ROW_QUADS > 2u) { finish(row + 8u, column, id.z, t20); finish(row + 12u, column, id.z, t30); }
  if (COLUMN_QUADS > 1u) {
    finish(row, column + 4u, id.z, t01);
    if (ROW_QUADS > 1u) { finish(row + 4u, column + 4u, id.z, t11); }
    if (ROW_QUADS > 2u) { finish(row + 8u, column + 4u, id.z, t21); finish(row + 12u, column + 4u, id.z, t31); }
  }
}
