// What attention and its gradient share. A workgroup owns four points of an image and streams all of the image's
// points past them; an invocation multiplies the four by another four. Matrices have a column for each other point
// and a row for each own one, so that tile * (values of four other points) adds up for all four own points.

//#include "rows.wgsl"

struct Parameters {
  images: u32,
  points: u32,
  channels: u32,
  scale: f32,
}

override WORKGROUP: u32 = 4u;

const FOUR = vec4u(0u, 1u, 2u, 3u);

// Where four points begin. Those past the end are the last one again: as own points they store the same numbers
// in the same place (from the same invocation), as other points their weights are set to zero.
fn places(image: u32, first: u32) -> vec4u {
  return (image * parameters.points + min(first + FOUR, vec4u(parameters.points - 1u))) * parameters.channels;
}

fn outer(own: vec4f, others: vec4f) -> mat4x4f {
  return mat4x4f(own * others.x, own * others.y, own * others.z, own * others.w);
}
