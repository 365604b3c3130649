// The buffers of a product as scalars, for tensors of any size: columns past the end are neither read nor stored.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> saved: array<f32>;
@group(0) @binding(5) var<storage, read_write> product: array<f32>;
@group(0) @binding(6) var<storage, read_write> column_sum: array<f32>;

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
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { product[place + column_place(column + i)] = value[i]; }
  }
}

fn store_column_sum(column: u32, split: u32, value: vec4f) {
  for (var i = 0u; i < 4u; i++) {
    if (column + i < parameters.columns) { column_sum[split * parameters.columns + column + i] = value[i]; }
  }
}
