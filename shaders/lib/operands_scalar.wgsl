// The buffers of a product as scalars, for tensors of any size: columns past the end are neither read nor stored.

// Four neighbours on the inner axis (at a multiple of 4) lie side by side in memory; so do four neighbouring columns
// of b, and of the product.
override WHOLE_INNER: bool = false;
override WHOLE_COLUMNS: bool = false;
override WHOLE_STORE: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> saved: array<f32>;
@group(0) @binding(5) var<storage, read_write> product: array<f32>;
@group(0) @binding(6) var<storage, read_write> column_sum: array<f32>;

fn read_a(i: u32) -> vec4f { return vec4f(a[i], a[i + 1u], a[i + 2u], a[i + 3u]); }
fn read_b(i: u32) -> vec4f { return vec4f(b[i], b[i + 1u], b[i + 2u], b[i + 3u]); }

fn read_bias(column: u32) -> vec4f {
  var value = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { value[i] = bias[column + i]; }
  }
  return value;
}

fn read_saved(place: u32, column: u32) -> vec4f {
  var value = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { value[i] = saved[place + column_place(column + i)]; }
  }
  return value;
}

fn store(place: u32, column: u32, value: vec4f) {
  if (WHOLE_STORE) {
    let first = place + column_place(column);
    product[first] = value.x;
    product[first + 1u] = value.y;
    product[first + 2u] = value.z;
    product[first + 3u] = value.w;
    return;
  }
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { product[place + column_place(column + i)] = value[i]; }
  }
}

fn store_column_sum(column: u32, split: u32, value: vec4f) {
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { column_sum[split * parameters.columns + column + i] = value[i]; }
  }
}
