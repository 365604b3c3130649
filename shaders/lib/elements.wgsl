// One invocation per element. Grids are two-dimensional so that large tensors fit a dispatch.
override WORKGROUP: u32 = 64u;

fn element_of(group: vec3u, groups: vec3u, lane: u32) -> u32 {
  return (group.y * groups.x + group.x) * WORKGROUP + lane;
}
