// product[rows, columns] = op(a)[rows, inner] op(b)[inner, columns]; op transposes where asked.
struct Parameters {
  rows: u32,
  columns: u32,
  inner: u32,
  // The inner axis is cut into pieces of this length (a multiple of 4); piece s goes to product[s, rows, columns].
  split_length: u32,
}
override TRANSPOSE_A: bool = false;
override TRANSPOSE_B: bool = false;
