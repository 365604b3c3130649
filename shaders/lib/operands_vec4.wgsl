// The buffers of a product as vec4, for tensors whose contiguous axes are multiples of 4: no guards anywhere.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> saved: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> product: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> column_sum: array<vec4f>;

fn read_a(i: u32) -> vec4f { return a[i / 4u]; }
fn read_b(i: u32) -> vec4f { return b[i / 4u]; }
fn read_bias(column: u32) -> vec4f { return bias[column / 4u]; }
fn read_saved(place: u32, column: u32) -> vec4f { return saved[(place + column_place(column)) / 4u]; }
fn store(place: u32, column: u32, value: vec4f) { product[(place + column_place(column)) / 4u] = value; }
fn store_column_sum(column: u32, split: u32, value: vec4f) {
  if (column < parameters.columns) { column_sum[(split * parameters.columns + column) / 4u] = value; }
}
