// A tensor seen as [outer, positions, groups, width]. A group's numbers, over positions and width, are
// normalized by their mean and deviation: GroupNorm has a group for some channels of a datum, LayerNorm one
// for a row, BatchNorm one for a channel of the whole batch.
// Statistics of a group are (shift, offset, 1 / deviation, 0) with mean = shift + offset. The shift is the group's
// first number, so that a mean far from zero costs no digits: x - shift is exact where x and shift are close.
fn normalized(x: f32, s: vec4f) -> f32 {
  return (x - s.x - s.y) * s.z;
}
